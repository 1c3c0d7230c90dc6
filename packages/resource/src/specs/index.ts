export type { DataSource, Selector, TagMap } from "./common.ts";
export type {
  BuiltinCaConf,
  CertificateAuthorityBackend,
  LoggingBackend,
  MeshSpec,
  MetricsBackend,
  PrometheusConf,
  ProvidedCaConf,
  TracingBackend,
} from "./mesh.ts";
export type { DataplaneGateway, DataplaneInbound, DataplaneOutbound, DataplaneSpec } from "./dataplane.ts";
export type { MeshGatewayListener, MeshGatewaySpec } from "./mesh-gateway.ts";
export type {
  GatewayRouteBackend,
  GatewayRouteFilter,
  GatewayRouteMatch,
  GatewayRouteRule,
  MeshGatewayRouteSpec,
} from "./mesh-gateway-route.ts";
export type { AvailableService, ZoneEgressSpec, ZoneIngressSpec } from "./zone-proxy.ts";
export type { ExternalServiceSpec } from "./external-service.ts";
export type { ZoneSpec } from "./zone.ts";
export type { SealedSecretSpec, SecretSpec, TokenVerificationKeySpec } from "./secret.ts";
export type {
  DataplaneInsightSpec,
  DiscoverySubscription,
  ZoneEgressInsightSpec,
  ZoneIngressInsightSpec,
  ZoneInsightSpec,
  ZoneSubscription,
} from "./insight.ts";
export type { MeshInsightSpec, ProxyCounts, ServiceInsightEntry, ServiceInsightSpec } from "./mesh-insight.ts";
export type { CircuitBreakerSpec } from "./circuit-breaker.ts";
export type { FaultInjectionSpec } from "./fault-injection.ts";
export type { HealthCheckSpec } from "./health-check.ts";
export type { ProxyTemplateModification, ProxyTemplateSpec } from "./proxy-template.ts";
export type { RateLimitSpec } from "./rate-limit.ts";
export type { RetrySpec } from "./retry.ts";
export type { TimeoutSpec } from "./timeout.ts";
export type { TrafficLogSpec } from "./traffic-log.ts";
export type { TrafficPermissionSpec } from "./traffic-permission.ts";
export type { StringMatcher, TrafficRouteHttp, TrafficRouteLoadBalancer, TrafficRouteSpec, TrafficRouteSplit } from "./traffic-route.ts";
export type { TrafficTraceSpec } from "./traffic-trace.ts";
export type { VirtualOutboundSpec } from "./virtual-outbound.ts";
export { serviceProtocolType, type ServiceProtocolSpec } from "./service-protocol.ts";
export { meshLifeType, type MeshLifeSpec } from "./mesh-life.ts";
export { virtualIpType, type VirtualIpOutbound, type VirtualIpSpec } from "./virtual-ip.ts";
export type {
  MeshAccessLogSpec,
  MeshCircuitBreakerSpec,
  MeshHttpRouteSpec,
  MeshRetrySpec,
  MeshTimeoutSpec,
  MeshTrafficPermissionSpec,
} from "./mesh-policies.ts";
export type { MeshFaultInjectionSpec } from "./mesh-policies/mesh-fault-injection.ts";
export type { MeshHealthCheckSpec } from "./mesh-policies/mesh-health-check.ts";
export type { MeshLoadBalancingStrategySpec } from "./mesh-policies/mesh-load-balancing-strategy.ts";
export type { MeshMetricSpec } from "./mesh-policies/mesh-metric.ts";
export type { MeshPassthroughSpec } from "./mesh-policies/mesh-passthrough.ts";
export type { MeshProxyPatchModification, MeshProxyPatchSpec } from "./mesh-policies/mesh-proxy-patch.ts";
export type { MeshRateLimitSpec } from "./mesh-policies/mesh-rate-limit.ts";
export type { MeshTcpRouteSpec } from "./mesh-policies/mesh-tcp-route.ts";
export type { MeshTlsSpec } from "./mesh-policies/mesh-tls.ts";
export type { MeshTraceSpec } from "./mesh-policies/mesh-trace.ts";
export type { TargetRef } from "./plugin-policy.ts";
export type {
  HostnameGeneratorSpec,
  MeshExternalServiceSpec,
  MeshMultiZoneServiceSpec,
  MeshServicePort,
  MeshServiceSpec,
  WithStatus,
} from "./service-resources.ts";
export {
  serviceRecordName,
  serviceRecordType,
  serviceTypes,
  type HostnameGeneratorStatus,
  type MatchedMeshService,
  type RemoteService,
  type ServiceAddress,
  type ServiceRecord,
  type ServiceRecordSpec,
  type ServiceType,
} from "./service-record.ts";
export {
  isShareable,
  isStaged,
  isUnderWay,
  rolloutOrderType,
  rolloutType,
  zonePinType,
  type RolloutGate,
  type RolloutSpec,
  type RolloutStage,
  type RolloutState,
  type RolloutStep,
  type ZonePinSpec,
} from "./rollout.ts";
