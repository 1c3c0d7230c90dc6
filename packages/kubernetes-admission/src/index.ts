export { type GatewayInstanceReview, type GatewayInstanceVerdict, judgeGatewayInstance } from "./gateways/judge-gateway-instance.ts";
