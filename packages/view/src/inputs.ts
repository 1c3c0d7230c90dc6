import type { PolicyRules } from "@atoll/policy";
import type { Resource } from "@atoll/resource";

/** Read side of a folded state. `list` answers sorted by mesh, then name. */
export interface Reader {
  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined;
  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[];
}

/** What other zones can serve and where their ingresses are. */
export interface InventoryView {
  zones(): readonly string[];
  entries(zone: string): readonly {
    mesh: string;
    tags: Readonly<Record<string, string>>;
    instances: number;
    externalService?: boolean | undefined;
    /** Of the instances, those whose proxies' streams have all ended. */
    gone?: number | undefined;
    /** Set where there are instances and none is ready; otherwise an entry without instances is what an outbound asks for. */
    unready?: boolean | undefined;
  }[];
  /** The same entries by keys of any kind, as they are now. Without it they are read anew with every change of their zone. */
  entriesByKey?(zone: string): ReadonlyMap<string, ReturnType<InventoryView["entries"]>[number]>;
  ingresses(zone: string): readonly { advertisedAddress: string; advertisedPort: number }[];
}

/** All that a view is a function of. Readers may be live: contexts must be told what changed (`MeshContexts.configChanged` and so on). */
export interface ViewInputs {
  /** The zone whose proxies are built. */
  zone: string;
  config: Reader;
  zoneResources: Reader;
  inventory: InventoryView;
  /** What a connected proxy says of itself that is not stored yet: known to itself alone. */
  brought?: Reader["get"];
}

export interface ViewOptions {
  /** Zones whose services may be used; absent = all that the inventory has. */
  liveZones?: ReadonlySet<string>;
  /** Services all of whose proxies take mutual TLS, asked only in PERMISSIVE meshes; absent = all. */
  tlsReadyServices?: ReadonlySet<string>;
  /** Which side to take where Kuma's documents and its recorded behaviour differ. */
  rules?: PolicyRules;
  /** IP addresses of host names found in dataplane, ingress and egress addresses. A name not in here is not dialled. */
  addresses?: Pick<ReadonlyMap<string, string>, "get">;
  /** Reads the texts in ProxyTemplates, which are YAML; absent = JSON alone is understood. */
  parseYaml?: (text: string) => unknown;
  /** Key type of a gateway certificate, which is part of its secret's name; absent = rsa. */
  certificateKeyType?: (mesh: string, secret: string) => "rsa" | "ecdsa" | undefined;
}
