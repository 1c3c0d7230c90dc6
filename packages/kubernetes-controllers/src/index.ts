export type * from "./controller.ts";
export { controllerReference, ownedByReference } from "./owner.ts";
export { gatewayInstanceController, type GatewayInstanceOptions } from "./gateway-instances/gateway-instance-controller.ts";
export type { ProxyContainer } from "./gateway-instances/gateway-deployment.ts";
export * from "./pods/index.ts";
export { gatewayClassController } from "./gateway-api/gateway-class-controller.ts";
export { gatewayController } from "./gateway-api/gateway-controller.ts";
export { copiedSecretController } from "./gateway-api/copied-secret-controller.ts";
export { httpRouteController, type HttpRouteOptions } from "./gateway-api/http-route-controller.ts";
