import { healthChecking, kumaTagsHeader, renderKumaTags } from "@atoll/policy";
import type { HealthChecking, Probe, Question, Tags } from "@atoll/policy";
import { isHttp } from "../protocol.ts";
import type { Protocol } from "../protocol.ts";
import type { ClusterView, HealthCheckView } from "../proxy-view.ts";

/** What to ask for a destination of a protocol. */
export const healthCheckingOf = (protocol: Protocol): Question<HealthChecking> =>
  protocol === "grpc" ? healthChecking.grpc : isHttp(protocol) ? healthChecking.http : healthChecking.tcp;

/** What the checks of a caller say of it; undefined: they say nothing. Part of what is shared by a key must have it in the key. */
export const callerOfChecks = (checking: HealthChecking | undefined, sources: readonly Tags[]): string | undefined =>
  checking?.probe?.http?.tellsCaller ? renderKumaTags(sources) || undefined : undefined;

/** Active health checks of a cluster. */
export function healthCheckView(
  checking: HealthChecking | undefined,
  protocol: Protocol,
  caller?: string,
): Pick<ClusterView, "healthCheck" | "healthyPanicThresholdPercent" | "failTrafficOnPanic"> {
  if (!checking) return {};
  const { probe, ...panic } = checking;
  return { ...(probe ? { healthCheck: probeView(probe, protocol, caller) } : {}), ...panic };
}

function probeView({ http, grpc, tcp, ...common }: Probe, protocol: Protocol, caller: string | undefined): HealthCheckView {
  if (grpc) return { ...common, checker: { type: "grpc", ...grpc } };
  if (!http) return { ...common, checker: { type: "tcp", ...tcp } };
  const { tellsCaller: _tellsCaller, headers = [], ...asked } = http;
  const all = [...(caller === undefined ? [] : [{ name: kumaTagsHeader, value: caller, append: true }]), ...headers];
  return {
    ...common,
    checker: { type: "http", ...asked, ...(all.length > 0 ? { headers: all } : {}), ...(protocol === "http2" ? { http2: true } : {}) },
  };
}
