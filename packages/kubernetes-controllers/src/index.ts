export type * from "./controller.ts";
export { controllerReference, ownedByReference } from "./owner.ts";
export { gatewayInstanceController, type GatewayInstanceOptions } from "./gateway-instances/gateway-instance-controller.ts";
export type { ProxyContainer } from "./gateway-instances/gateway-deployment.ts";
export * from "./pods/index.ts";
export { gatewayApiControllers } from "./gateway-api/gateway-api-controllers.ts";
export type { HttpRouteOptions } from "./gateway-api/http-route-controller.ts";
