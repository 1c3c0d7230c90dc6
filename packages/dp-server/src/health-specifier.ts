import { isIPv6 } from "node:net";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HealthCheckSchema } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import {
  HealthCheckSpecifierSchema,
  type ClusterHealthCheckSchema,
  type HealthCheckSpecifier,
} from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import {
  dialAddress,
  durationMs,
  hostAndPort,
  inboundAddressesOf,
  loopbackBeside,
  type DataplaneInbound,
  type DataplaneSpec,
} from "@atoll/resource";

/** The check that tells whether Envoy itself takes requests: it does not while it starts and while it drains. */
export const adminCheck = "kuma:envoy:admin";

/** Names the check of one inbound by where it listens, which no two inbounds share. */
export function inboundCheck(spec: DataplaneSpec, inbound: DataplaneInbound): string {
  const { address, port } = inboundAddressesOf(spec, inbound).listen;
  return `inbound:${hostAndPort(address, port)}`;
}

const defaultAdminPort = 9901;
const mostReportsEveryMs = 500;

/** Checks where a probe does not say. */
export interface HealthCheckDefaults {
  /** Longest time between two reports of an Envoy. */
  reportEveryMs: number;
  timeoutMs: number;
  intervalMs: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
}

const usual: HealthCheckDefaults = {
  reportEveryMs: 5_000,
  timeoutMs: 2_000,
  intervalMs: 1_000,
  healthyThreshold: 1,
  unhealthyThreshold: 1,
};
/** Connections from here are not redirected back into the proxy. */
const passthroughSource = { v4: "127.0.0.6", v6: "::6" };

/** Whether there is anything to learn from this dataplane's Envoy: a gateway has no inbound that could be up or down. */
export const needsHealthChecks = (spec: DataplaneSpec): boolean => checkedInbounds(spec).length > 0;

/**
 * What Envoy is to check of a dataplane: itself, and the application behind each inbound with a probe (controlplane.md 3.5). It reports
 * as often as the fastest probe runs. Pure.
 */
export function healthSpecifier(
  spec: DataplaneSpec,
  admin: { port?: number | undefined; address?: string | undefined },
  defaults: HealthCheckDefaults = usual,
): HealthCheckSpecifier {
  const adminAddress = dialAddress(admin.address ?? loopbackBeside(spec.networking.address));
  const probed = checkedInbounds(spec).filter((inbound) => inbound.serviceProbe !== undefined);
  const fastestMs = Math.min(...probed.map(({ serviceProbe }) => millisecondsOf(serviceProbe?.interval, defaults.intervalMs)));
  return create(HealthCheckSpecifierSchema, {
    interval: duration(Math.max(mostReportsEveryMs, Math.min(defaults.reportEveryMs, fastestMs))),
    clusterHealthChecks: [
      clusterCheck(adminCheck, adminAddress, spec.networking.admin?.port || admin.port || defaultAdminPort, {
        timeout: duration(defaults.timeoutMs),
        ...timing(defaults.intervalMs),
        unhealthyThreshold: defaults.unhealthyThreshold,
        healthyThreshold: defaults.healthyThreshold,
        healthChecker: { case: "httpHealthCheck", value: { path: "/ready" } },
      }),
      ...probed.map((inbound) => inboundClusterCheck(spec, inbound, defaults)),
    ],
  });
}

const checkedInbounds = (spec: DataplaneSpec): DataplaneInbound[] =>
  (spec.networking.inbound ?? []).filter(({ state }) => state !== "Ignored");

type ClusterCheck = MessageInitShape<typeof ClusterHealthCheckSchema>;

function inboundClusterCheck(spec: DataplaneSpec, inbound: DataplaneInbound, defaults: HealthCheckDefaults): ClusterCheck {
  const { address, port } = inboundAddressesOf(spec, inbound).application;
  const probe = inbound.serviceProbe ?? {};
  const check: MessageInitShape<typeof HealthCheckSchema> = {
    timeout: duration(millisecondsOf(probe.timeout, defaults.timeoutMs)),
    ...timing(millisecondsOf(probe.interval, defaults.intervalMs)),
    unhealthyThreshold: probe.unhealthyThreshold ?? defaults.unhealthyThreshold,
    healthyThreshold: probe.healthyThreshold ?? defaults.healthyThreshold,
    healthChecker: { case: "tcpHealthCheck", value: {} },
  };
  const proxying = spec.networking.transparentProxying;
  const transparent = Boolean(proxying?.redirectPortInbound && proxying.redirectPortOutbound);
  const redirected = transparent && !address.startsWith("127.") && address !== "::1";
  const source = isIPv6(address) ? passthroughSource.v6 : passthroughSource.v4;
  return clusterCheck(inboundCheck(spec, inbound), address, port, check, redirected ? source : undefined);
}

function clusterCheck(
  clusterName: string,
  address: string,
  port: number,
  check: MessageInitShape<typeof HealthCheckSchema>,
  source?: string,
): ClusterCheck {
  const at = {
    address: { case: "socketAddress" as const, value: { address, portSpecifier: { case: "portValue" as const, value: port } } },
  };
  return {
    clusterName,
    healthChecks: [check],
    localityEndpoints: [{ endpoints: [{ address: at }] }],
    ...(source && { upstreamBindConfig: { sourceAddress: { address: source, portSpecifier: { case: "portValue", value: 0 } } } }),
  };
}

const millisecondsOf = (text: string | undefined, defaultMs: number): number => (text === undefined ? defaultMs : durationMs(text));

/** No requests go to what is only checked, so the rarer interval for clusters without traffic would always hold. */
const timing = (everyMs: number) => ({ interval: duration(everyMs), noTrafficInterval: duration(everyMs) });

const duration = (ms: number): { seconds: bigint; nanos: number } => ({
  seconds: BigInt(Math.floor(ms / 1_000)),
  nanos: Math.round((ms % 1_000) * 1e6),
});
