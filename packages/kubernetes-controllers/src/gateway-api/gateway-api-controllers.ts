import type { Controller } from "../controller.ts";
import { copiedSecretController } from "./copied-secret-controller.ts";
import { gatewayClassController } from "./gateway-class-controller.ts";
import { gatewayController } from "./gateway-controller.ts";
import { httpRouteController, type HttpRouteOptions } from "./http-route-controller.ts";

/** All that carries out the Gateway API, for a zone whose cluster has its kinds. */
export const gatewayApiControllers = (options: HttpRouteOptions): Controller[] => [
  gatewayClassController(options),
  gatewayController(options),
  httpRouteController(options),
  copiedSecretController(options),
];
