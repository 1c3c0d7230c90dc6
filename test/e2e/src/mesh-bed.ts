import { eventually } from "@atoll/testkit/eventually";
import { Backend } from "./backend.ts";
import { rest, type RestAnswer } from "./rest.ts";
import { TestStack, type TestStackOptions } from "./test-stack.ts";

type Document = Record<string, unknown>;
type Tags = Record<string, string>;

export interface SidecarOptions {
  mesh?: string;
  zone?: string;
  tags?: Tags;
  protocol?: string;
  /** Service (or tags) by the port of this bed on which the application reaches it. */
  outbound?: Record<number, string | Tags>;
  /** `serviceProbe` of the inbound. */
  probe?: Document;
  /** Merged into `networking`. */
  networking?: Document;
  /** Beside `networking`. */
  own?: Document;
  /** Of its launcher. */
  env?: Record<string, string>;
}

const wildcard = [{ match: { "kuma.io/service": "*" } }];
const selectors = (tags: string | Tags): Document[] => [{ match: typeof tags === "string" ? { "kuma.io/service": tags } : tags }];

export const mutualTls = (mode?: "PERMISSIVE"): Document => ({
  enabledBackend: "ca-1",
  backends: [{ name: "ca-1", type: "builtin", ...(mode ? { mode } : {}) }],
});

/** Without the policies that a new mesh gets, so that what a test writes acts alone. */
export const mesh = (name: string, settings: Document = {}): Document => ({
  type: "Mesh",
  name,
  mtls: mutualTls(),
  skipCreatingInitialPolicies: ["*"],
  ...settings,
});

/** What global gives its first mesh when it starts. */
const initialPolicies = [
  ["MeshTimeout", "mesh-timeout-all-default"],
  ["MeshTimeout", "mesh-gateways-timeout-all-default"],
  ["MeshCircuitBreaker", "mesh-circuit-breaker-all-default"],
  ["MeshRetry", "mesh-retry-all-default"],
] as const;

/** A policy from and to services or tags; both are everybody unless given. */
export const connection = (
  type: string,
  name: string,
  settings: Document & { mesh?: string; from?: string | Tags; to?: string | Tags },
): Document => {
  const { mesh: of = "default", from, to, ...rest } = settings;
  return { type, mesh: of, name, sources: from ? selectors(from) : wildcard, destinations: to ? selectors(to) : wildcard, ...rest };
};

/** What lets everybody call everybody, and lets the policies of a caller act on its outbounds. */
export const openMesh = (of = "default"): Document[] => [
  connection("TrafficPermission", "allow-all", { mesh: of }),
  connection("TrafficRoute", "route-all", { mesh: of, conf: { destination: { "kuma.io/service": "*" } } }),
];

export const gatewayRoute = (
  name: string,
  gateway: string | Tags,
  rules: Document[],
  settings: { mesh?: string; hostnames?: string[] } = {},
): Document => ({
  type: "MeshGatewayRoute",
  mesh: settings.mesh ?? "default",
  name,
  selectors: selectors(gateway),
  conf: { http: { ...(settings.hostnames ? { hostnames: settings.hostnames } : {}), rules } },
});

/** A rule of a gateway route from a path prefix to services by weight. */
export const prefixRule = (prefix: string, backends: string | Record<string, number>, settings: Document = {}): Document => ({
  matches: [{ path: { match: "PREFIX", value: prefix } }],
  backends: Object.entries(typeof backends === "string" ? { [backends]: 1 } : backends).map(([service, weight]) => ({
    weight,
    destination: { "kuma.io/service": service },
  })),
  ...settings,
});

/**
 * A stack with applications, sidecars and gateways of a test's own. The first mesh begins without policies. Everything listens on 127.0.0.1, on ports that the bed gives by
 * number, 0 to 139.
 */
export class MeshBed {
  readonly atoll: TestStack;
  readonly #backends: Backend[] = [];
  readonly #documents = new Map<string, Document>();
  #nextPort = 60;

  private constructor(atoll: TestStack) {
    this.atoll = atoll;
  }

  /** As for `TestStack`; the ports of a bed at a base are those of `portAt`. */
  static async start(preferred: number, options: TestStackOptions | ((base: number) => TestStackOptions) = {}): Promise<MeshBed> {
    const bed = new MeshBed(await TestStack.start(preferred, options));
    for (const [type, name] of initialPolicies) await bed.atoll.remove({ type, mesh: "default", name });
    return bed;
  }

  static portAt(base: number, number: number): number {
    return base + 110 + number;
  }

  /** A port for what the test itself names: 0 to 59. */
  port(number: number): number {
    return MeshBed.portAt(this.atoll.base, number);
  }

  /** A port nobody has to know by number. */
  freshPort(): number {
    if (this.#nextPort >= 140) throw new Error("the bed has no ports left");
    return this.port(this.#nextPort++);
  }

  async backend(name: string, port = this.freshPort()): Promise<{ app: Backend; port: number }> {
    const app = await Backend.start(name, port);
    this.#backends.push(app);
    return { app, port };
  }

  /** An application and the proxy beside it. Answers the application and the proxy's admin port. */
  async service(
    service: string,
    name: string,
    options: SidecarOptions = {},
  ): Promise<{ app: Backend; appPort: number; admin: number; document: Document; inbound: number }> {
    const { app, port } = await this.backend(name);
    const made = await this.sidecar(service, name, port, options);
    return { app, appPort: port, ...made };
  }

  /** The proxy beside an application that is already there. */
  async sidecar(
    service: string,
    name: string,
    appPort: number,
    options: SidecarOptions = {},
  ): Promise<{ admin: number; document: Document; inbound: number }> {
    const [inbound, admin] = [this.freshPort(), this.freshPort()];
    const { mesh: of = "default", zone = "east", tags = {}, protocol = "http", probe } = options;
    const document = {
      type: "Dataplane",
      mesh: of,
      name,
      networking: {
        address: "127.0.0.1",
        admin: { port: admin },
        inbound: [
          {
            port: inbound,
            servicePort: appPort,
            serviceAddress: "127.0.0.1",
            tags: { "kuma.io/service": service, "kuma.io/protocol": protocol, ...tags },
            ...(probe ? { serviceProbe: probe } : {}),
          },
        ],
        outbound: this.#outbounds(options),
        ...options.networking,
      },
      ...options.own,
    };
    await this.#start(zone, document, options.env);
    return { admin, document, inbound };
  }

  async gateway(
    service: string,
    name: string,
    options: SidecarOptions & { delegated?: boolean } = {},
  ): Promise<{ admin: number; document: Document }> {
    const admin = this.freshPort();
    const { mesh: of = "default", zone = "east", tags = {} } = options;
    const document = {
      type: "Dataplane",
      mesh: of,
      name,
      networking: {
        address: "127.0.0.1",
        admin: { port: admin },
        gateway: { type: options.delegated ? "DELEGATED" : "BUILTIN", tags: { "kuma.io/service": service, ...tags } },
        ...(options.delegated ? { outbound: this.#outbounds(options) } : {}),
      },
      ...options.own,
    };
    await this.#start(zone, document, options.env);
    return { admin, document };
  }

  /** A dataplane as it was started. */
  document(name: string): Document {
    const found = this.#documents.get(name);
    if (found === undefined) throw new Error(`there is no dataplane ${name}`);
    return found;
  }

  async #start(zone: string, document: Document, env?: Record<string, string>): Promise<void> {
    this.#documents.set(document["name"] as string, document);
    await this.atoll.startProxy(zone, document, env ? { env } : {});
  }

  async zoneProxy(type: "ZoneIngress" | "ZoneEgress", name: string, zone: string): Promise<{ admin: number; port: number }> {
    const [port, admin] = [this.freshPort(), this.freshPort()];
    const advertised = type === "ZoneIngress" ? { advertisedAddress: "127.0.0.1", advertisedPort: port } : {};
    await this.atoll.startProxy(zone, { type, name, networking: { address: "127.0.0.1", port, admin: { port: admin }, ...advertised } });
    return { admin, port };
  }

  /** A builtin gateway's listeners by the bed's port number; HTTP unless the settings say otherwise. */
  meshGateway(service: string, listeners: Record<number, Document | Document[]>, settings: { mesh?: string } = {}): Document {
    return {
      type: "MeshGateway",
      mesh: settings.mesh ?? "default",
      name: service,
      selectors: selectors(service),
      conf: {
        listeners: Object.entries(listeners).flatMap(([number, some]) =>
          [some].flat().map((one) => ({ port: this.port(Number(number)), protocol: "HTTP", ...one })),
        ),
      },
    };
  }

  /** Applies documents, and waits until every Envoy has what comes of them. */
  async apply(...documents: Document[]): Promise<void> {
    let revision = 0;
    for (const document of documents) revision = await this.atoll.apply(document);
    await this.atoll.applied(revision);
  }

  async remove(...documents: Document[]): Promise<void> {
    let revision = 0;
    for (const document of documents) revision = await this.atoll.remove(document);
    await this.atoll.applied(revision);
  }

  /** Runs something while a document is there; it is gone afterwards, whatever happened. */
  async during(documents: Document | Document[], what: () => Promise<unknown>): Promise<void> {
    const all = [documents].flat();
    await this.apply(...all);
    try {
      await what();
    } finally {
      await this.remove(...all.toReversed());
    }
  }

  /** Each request on a connection of its own: one that waits in a pool may be closed by a listener that is on its way out. */
  get(number: number, path = "/", headers: Record<string, string> = {}): Promise<RestAnswer> {
    return rest(`http://127.0.0.1:${this.port(number)}${path}`, { headers: { connection: "close", ...headers } });
  }

  /** Waits for an answer with this status, and for a body that tells the service if one is given. */
  async answers(number: number, status: number, path = "/", service?: string, headers: Record<string, string> = {}): Promise<RestAnswer> {
    return eventually(
      async () => {
        const answer = await this.get(number, path, headers);
        if (answer.status !== status) throw new Error(`${path} answers ${answer.status} ${answer.text}, not ${status}`);
        if (service !== undefined && answer.json().service !== service) throw new Error(`${path} is answered by ${answer.text}`);
        return answer;
      },
      { limitMs: 20_000, everyMs: 25 },
    );
  }

  /** Names of the applications that answer a number of requests, with how many each. A request that fails counts by its status. */
  async shares(number: number, count: number, path = "/", headers: Record<string, string> = {}): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (let round = 0; round < count; round++) {
      const answer = await this.get(number, path, headers);
      const by = answer.status === 200 ? (answer.json().service as string) : String(answer.status);
      found[by] = (found[by] ?? 0) + 1;
    }
    return found;
  }

  /** Ends everything; answers what Envoys rejected, which has to be nothing. */
  async close(): Promise<string[]> {
    const nacks = await this.atoll.nacks();
    await this.atoll.close();
    await Promise.all(this.#backends.map((backend) => backend.stop()));
    return nacks;
  }

  #outbounds({ outbound = {} }: SidecarOptions): Document[] {
    return Object.entries(outbound).map(([number, to]) => ({
      port: this.port(Number(number)),
      tags: typeof to === "string" ? { "kuma.io/service": to } : to,
    }));
  }
}
