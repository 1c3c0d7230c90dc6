import { parseDocument } from "@atoll/resource";

const service = "kuma.io/service";

type Pick = (below: number) => number;
type Json = Record<string, unknown>;

const services = ["echo", "client", "edge", "named", "far", "bank"];

/** Policies with a targetRef of every kind in effect, for any kind of target, with entries for any other end. */
export class RandomPolicies {
  readonly #pick: Pick;

  constructor(pick: Pick) {
    this.#pick = pick;
  }

  /** One that may be written; of a few names, so that they replace each other. */
  document(mesh: string, turn: number): Json & { type: string; name: string } {
    for (;;) {
      const { type, spec } = this.#policy(turn);
      const labels = this.#of<Json>([{}, {}, {}, {}, { "kuma.io/effect": "shadow" }, { "kuma.io/policy-role": "producer" }]);
      const document = { type, mesh, name: this.#of(["a", "m", "z"]), labels, spec };
      if (parseDocument(document).ok) return document;
    }
  }

  #of<One>(all: readonly One[]): One {
    return all[this.#pick(all.length)]!;
  }

  #chance(percent: number): boolean {
    return this.#pick(100) < percent;
  }

  #policy(turn: number): { type: string; spec: Json } {
    const time = `${(turn % 9) + 1}s`;
    switch (this.#pick(11)) {
      case 0:
        return this.#ends("MeshTimeout", () =>
          this.#of([{ connectionTimeout: time }, { idleTimeout: time }, { http: { requestTimeout: time } }]),
        );
      case 1:
        return this.#outbound("MeshRetry", () => ({
          http: { numRetries: turn % 4, retryOn: ["5xx"] },
          tcp: { maxConnectAttempt: (turn % 3) + 1 },
        }));
      case 2:
        return this.#ends("MeshCircuitBreaker", () => ({ connectionLimits: { maxRequests: turn + 1 } }));
      case 3:
        return this.#outbound("MeshHealthCheck", () => this.#of([{ interval: time, tcp: {} }, { http: { path: `/${turn}` } }]));
      case 4:
        return this.#inbound("MeshRateLimit", () => ({ local: { http: { requestRate: { num: turn + 1, interval: "1s" } } } }));
      case 5:
        return this.#inbound("MeshFaultInjection", () => ({ http: [{ abort: { httpStatus: 500, percentage: turn % 100 } }] }));
      case 6:
        return this.#ends("MeshAccessLog", () => ({ backends: [{ type: "File", file: { path: `/tmp/${turn}.log` } }] }));
      case 7:
        return {
          type: "MeshTrace",
          spec: { targetRef: this.#target(), default: { sampling: { overall: turn % 100 }, backends: this.#tracers() } },
        };
      case 8:
        return this.#inbound("MeshTrafficPermission", () => ({ action: this.#of(["Allow", "Deny", "AllowWithShadowDeny"]) }));
      case 9:
        return this.#routes("MeshHTTPRoute", () => [{ matches: [this.#match()], default: { ...this.#header(turn), ...this.#backends() } }]);
      default:
        return this.#routes("MeshTCPRoute", () => [{ default: { backendRefs: [], ...this.#backends() } }]);
    }
  }

  #target(): Json {
    return this.#of<Json>([
      { kind: "Mesh" },
      { kind: "Mesh", proxyTypes: ["Sidecar"] },
      { kind: "Mesh", proxyTypes: ["Gateway"] },
      { kind: "MeshSubset", tags: { version: "1" } },
      { kind: "MeshSubset", tags: { [service]: this.#of(services) } },
      { kind: "MeshService", name: this.#of(services) },
      { kind: "MeshServiceSubset", name: "echo", tags: { "kuma.io/protocol": "http" } },
      { kind: "Dataplane" },
      { kind: "Dataplane", labels: { team: this.#of(["red", "blue"]) } },
      { kind: "MeshGateway", name: "one" },
      { kind: "MeshHTTPRoute", name: this.#of(["a", "m", "z"]) },
    ]);
  }

  #callers = (): Json =>
    this.#of<Json>([
      { kind: "Mesh" },
      { kind: "MeshSubset", tags: { version: "1" } },
      { kind: "MeshSubset", tags: { [service]: this.#of(services) } },
      { kind: "MeshService", name: this.#of(services) },
    ]);

  #called = (): Json =>
    this.#of<Json>([
      { kind: "Mesh" },
      { kind: "MeshService", name: this.#of(services) },
      { kind: "MeshService", labels: { "kuma.io/display-name": "one" } },
    ]);

  #entries(end: () => Json, conf: () => Json): Json[] {
    return Array.from({ length: 1 + this.#pick(3) }, () => ({ targetRef: end(), default: conf() }));
  }

  #outbound(type: string, conf: () => Json): { type: string; spec: Json } {
    return { type, spec: { targetRef: this.#target(), to: this.#entries(this.#called, conf) } };
  }

  #inbound(type: string, conf: () => Json): { type: string; spec: Json } {
    const some = this.#chance(30) ? { to: this.#entries(() => ({ kind: "Mesh" }), conf) } : { from: this.#entries(this.#callers, conf) };
    return { type, spec: { targetRef: this.#target(), ...some } };
  }

  #ends(type: string, conf: () => Json): { type: string; spec: Json } {
    if (this.#chance(50)) return this.#outbound(type, conf);
    const rules = Array.from({ length: 1 + this.#pick(2) }, () => ({ default: conf() }));
    return {
      type,
      spec: { targetRef: this.#target(), ...(this.#chance(50) ? { rules } : { from: this.#entries(() => ({ kind: "Mesh" }), conf) }) },
    };
  }

  #routes(type: string, rules: () => Json[]): { type: string; spec: Json } {
    const onGateway = this.#chance(40);
    const targetRef = onGateway
      ? { kind: "MeshGateway", name: "one" }
      : this.#of<Json>([{ kind: "Mesh" }, { kind: "MeshSubset", tags: { [service]: "client" } }]);
    const end = onGateway
      ? { kind: "Mesh" }
      : this.#of<Json>([
          { kind: "MeshService", name: "echo" },
          { kind: "MeshService", name: "far" },
        ]);
    return { type, spec: { targetRef, to: [{ targetRef: end, rules: rules() }] } };
  }

  #match = (): Json =>
    this.#of<Json>([{ path: { type: "PathPrefix", value: "/" } }, { path: { type: "Exact", value: "/a" } }, { method: "GET" }]);

  #header = (turn: number): Json =>
    this.#chance(50)
      ? { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-turn", value: `${turn}` }] } }] }
      : {};

  #backends = (): Json =>
    this.#chance(80)
      ? {
          backendRefs: [
            { kind: "MeshService", name: this.#of(services), weight: 1 },
            { kind: "MeshServiceSubset", name: "echo", tags: { version: "1" }, weight: this.#pick(3) },
          ],
        }
      : {};

  #tracers = (): Json[] => (this.#chance(30) ? [] : [{ type: "Zipkin", zipkin: { url: "http://127.0.0.1:9411/api/v2/spans" } }]);
}
