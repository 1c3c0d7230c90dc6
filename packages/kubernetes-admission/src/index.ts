export { type GatewayInstanceReview, type GatewayInstanceVerdict, judgeGatewayInstance } from "./gateways/judge-gateway-instance.ts";
export * from "./injection/index.ts";
export * from "./resources/index.ts";
