import type { ResourceDraft } from "@atoll/resource";

const mesh = { kind: "Mesh" };
const sidecars = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const gateways = { kind: "Mesh", proxyTypes: ["Gateway"] };
const everything = [{ match: { "kuma.io/service": "*" } }];

/** Policies a new mesh starts with (dataplane.md 1.1). They carry no labels, as nobody wrote them. */
export function defaultPolicies(name: string, routing: boolean): ResourceDraft[] {
  const policy = (type: string, prefix: string, spec: unknown): ResourceDraft => ({ type, mesh: name, name: `${prefix}-${name}`, spec });
  const backOff = { baseInterval: "25ms", maxInterval: "250ms" };
  const policies = [
    policy("MeshTimeout", "mesh-timeout-all", {
      targetRef: sidecars,
      from: [
        {
          targetRef: mesh,
          default: {
            connectionTimeout: "10s",
            idleTimeout: "2h0m0s",
            http: { requestTimeout: "0s", streamIdleTimeout: "1h0m0s", maxStreamDuration: "0s" },
          },
        },
      ],
      to: [
        {
          targetRef: mesh,
          default: { connectionTimeout: "5s", idleTimeout: "1h0m0s", http: { requestTimeout: "15s", streamIdleTimeout: "30m0s" } },
        },
      ],
    }),
    policy("MeshTimeout", "mesh-gateways-timeout-all", {
      targetRef: gateways,
      from: [{ targetRef: mesh, default: { idleTimeout: "5m0s", http: { streamIdleTimeout: "5s", requestHeadersTimeout: "500ms" } } }],
      to: [{ targetRef: mesh, default: { idleTimeout: "1h0m0s", http: { streamIdleTimeout: "5s" } } }],
    }),
    policy("MeshCircuitBreaker", "mesh-circuit-breaker-all", {
      targetRef: mesh,
      to: [
        {
          targetRef: mesh,
          default: { connectionLimits: { maxConnections: 1024, maxPendingRequests: 1024, maxRetries: 3, maxRequests: 1024 } },
        },
      ],
    }),
    policy("MeshRetry", "mesh-retry-all", {
      targetRef: mesh,
      to: [
        {
          targetRef: mesh,
          default: {
            tcp: { maxConnectAttempt: 5 },
            http: { numRetries: 5, perTryTimeout: "16s", backOff },
            grpc: { numRetries: 5, perTryTimeout: "16s", backOff },
          },
        },
      ],
    }),
  ];
  if (!routing) return policies;
  return [
    ...policies,
    policy("TrafficPermission", "allow-all", { sources: everything, destinations: everything }),
    policy("TrafficRoute", "route-all", {
      sources: everything,
      destinations: everything,
      conf: { destination: { "kuma.io/service": "*" }, loadBalancer: { roundRobin: {} } },
    }),
  ];
}
