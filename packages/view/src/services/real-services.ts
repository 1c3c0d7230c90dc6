import { equalValue, Fact, Family } from "@atoll/facts";
import type { FactGraph } from "@atoll/facts";
import { isTargetOf, matchedServices, recordedServices, zoneServices } from "@atoll/names";
import type { ZoneMeshService, ZoneService } from "@atoll/names";
import {
  isHealthyInbound,
  label,
  serviceRecordType,
  tag,
  type MeshServiceSpec,
  type Resource,
  type ServiceRecordSpec,
} from "@atoll/resource";
import { inboundInterfaces } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Reader } from "../inputs.ts";
import type { MeshContext } from "../mesh-context.ts";
import { isReachable, realServices } from "./real-service.ts";
import type { RealService, RealTarget } from "./real-service.ts";

/** The services of one mesh that are resources, and where they are: each list of endpoints is a fact of its own. */
export class RealServices {
  readonly #context: MeshContext;
  readonly #all: Fact<readonly RealService[]>;
  readonly #resources: Family<readonly Resource[]>;
  readonly #byCluster: Fact<ReadonlyMap<string, RealTarget>>;
  readonly #targets: Family<RealTarget | undefined>;
  readonly #endpoints: Family<readonly Endpoint[]>;
  readonly #local: Family<readonly Endpoint[]>;

  constructor(graph: FactGraph, context: MeshContext, readers: { config: Reader; zoneResources: Reader }) {
    const { name } = context;
    const { zoneResources } = readers;
    this.#context = context;
    this.#all = new Fact<readonly RealService[]>(
      graph,
      () => {
        const services = zoneServices(name, { ...readers, shared: recordedServices(zoneResources, name) });
        return realServices(services, zoneResources.list<ServiceRecordSpec>(serviceRecordType, name));
      },
      equalValue,
    );
    this.#resources = new Family(graph, (type) => this.all.flatMap(({ service }) => (service.type === type ? [resourceOf(service)] : [])));
    this.#byCluster = new Fact<ReadonlyMap<string, RealTarget>>(
      graph,
      () => new Map(this.all.flatMap((service) => service.ports.map((port) => [port.cluster, { service, port }] as const))),
      () => false,
    );
    this.#targets = new Family(graph, (cluster) => this.#byCluster.get().get(cluster));
    this.#local = new Family(graph, (cluster) => this.#localOf(cluster));
    this.#endpoints = new Family(graph, (cluster) => [...this.#local.get(cluster), ...this.#remoteOf(cluster)]);
  }

  get all(): readonly RealService[] {
    return this.#all.get();
  }

  /** The services of a kind as policies read them: under the names and labels that they have in this zone, sorted by name. */
  resources(type: string): readonly Resource[] {
    return this.#resources.get(type);
  }

  /** The services that a reference means: by name the zone's own, else global's; by labels all, the oldest first. */
  find(
    kind: string,
    ref: { name?: string | undefined; namespace?: string | undefined; labels?: Readonly<Record<string, string>> | undefined },
  ): RealService[] {
    const ofKind = this.all.filter(({ service }) => service.type === kind);
    const { name, namespace = "", labels = {} } = ref;
    if (name) {
      const named = ofKind.filter(({ identity }) => identity.displayName === name && identity.namespace === namespace);
      const own = named.filter(({ service, identity }) => service.local || identity.zone === this.#context.zone.zone);
      return (own.length > 0 ? own : named.filter(({ identity }) => identity.zone === "")).slice(0, 1);
    }
    const wanted = Object.entries(labels);
    if (wanted.length === 0) return [];
    return ofKind
      .filter(({ service }) => wanted.every(([key, value]) => service.labels[key] === value))
      .toSorted((a, b) => (a.service.creationTime < b.service.creationTime ? -1 : a.service.creationTime > b.service.creationTime ? 1 : 0));
  }

  /** Where a port is called: instances of this zone, and other zones' ingresses; of a MeshExternalService, this zone's egresses. */
  endpoints(cluster: string): readonly Endpoint[] {
    return this.#endpoints.get(cluster);
  }

  /** The instances of this zone alone. */
  localEndpoints(cluster: string): readonly Endpoint[] {
    return this.#local.get(cluster);
  }

  /** The port of a service that has the cluster. */
  target(cluster: string): RealTarget | undefined {
    return this.#targets.get(cluster);
  }

  #matched(service: ZoneService): ZoneMeshService[] {
    if (service.type === "MeshService") return [service];
    if (service.type === "MeshExternalService") return [];
    return matchedServices(
      service,
      this.all.map((one) => one.service),
    );
  }

  #localOf(cluster: string): Endpoint[] {
    const target = this.target(cluster);
    if (!target) return [];
    return this.#matched(target.service.service)
      .filter(({ local }) => local)
      .flatMap((one) => this.#instances(one, portOf(one, target)));
  }

  #remoteOf(cluster: string): Endpoint[] {
    const target = this.target(cluster);
    const { zone, mtls } = this.#context;
    if (!target || mtls === "off") return [];
    const { service } = target.service;
    if (service.type === "MeshExternalService") {
      if (!isReachable(service, zone.zone)) return [];
      return zone.egresses.map((at) => ({ ...at, tags: { [tag.service]: cluster }, weight: 1, via: "egress", external: true }));
    }
    return this.#matched(service)
      .filter((one) => !one.local && portOf(one, target) !== undefined)
      .filter(({ spec }) => service.type === "MeshService" || spec.state === "Available")
      .flatMap((one) => this.#ways(one, cluster));
  }

  #ways({ labels }: ZoneMeshService, cluster: string): Endpoint[] {
    const home = labels[label.zone] ?? "";
    const remote = this.#context.zone.remoteZones.find(({ zone, reachable }) => zone === home && reachable);
    const tags = { [tag.service]: cluster, [tag.zone]: home };
    return (remote?.ingresses ?? []).map((at) => ({ ...at, tags, weight: 1, via: "ingress", external: false }));
  }

  #instances({ spec }: ZoneMeshService, number: number | undefined): Endpoint[] {
    const port = (spec.ports ?? []).find((one) => one.port === number);
    if (!port) return [];
    const { zone, name } = this.#context;
    return this.#selected(spec.selector).flatMap((dataplane) =>
      (dataplane.spec.networking.inbound ?? [])
        .filter((inbound) => inbound.state !== "Ignored" && isTargetOf(port, inbound))
        .flatMap((inbound) => {
          const found = inboundInterfaces(dataplane).find((one) => one.port === inbound.port && one.tags === inbound.tags);
          if (!found || !isHealthyInbound(inbound)) return [];
          const isGone = zone.proxies.gone(name, found.tags[tag.service] ?? "").has(dataplane.name);
          const common = {
            tags: found.tags,
            weight: 1,
            via: "local" as const,
            external: false,
            away: isGone ? ("gone" as const) : undefined,
          };
          return zone.dial(found.routableAddress, found.port).map((at): Endpoint => ({ ...at, ...common }));
        }),
    );
  }

  /** Dataplanes that a MeshService selects: found by the service that it asks for, if it does. */
  #selected({ dataplaneRef, dataplaneTags }: MeshServiceSpec["selector"]): readonly Dataplane[] {
    const { zone, name } = this.#context;
    if (dataplaneRef) {
      const named = this.#context.dataplane(dataplaneRef.name ?? "");
      return named ? [named] : [];
    }
    const wanted = Object.entries(dataplaneTags ?? {});
    if (wanted.length === 0) return [];
    const service = dataplaneTags![tag.service];
    const candidates = service === undefined ? zone.proxies.dataplanes(name) : zone.proxies.workloadsOf(name, service);
    return candidates.filter(({ spec }) =>
      (spec.networking.inbound ?? []).some(({ tags, state }) => state !== "Ignored" && wanted.every(([key, value]) => tags[key] === value)),
    );
  }
}

/** The port of a MeshService that a port of a MeshMultiZoneService stands for: of the same number, else of the same name. */
function portOf({ spec: { ports = [] } }: ZoneMeshService, { port: { port, section } }: RealTarget): number | undefined {
  return (ports.find((one) => one.port === port) ?? ports.find((one) => one.name === section))?.port;
}

const resourceOf = ({ type, mesh, name, labels, spec, creationTime }: ZoneService): Resource => ({
  ...{ type, mesh, name, labels: { ...labels } },
  ...{ spec: { spec }, creationTime, modificationTime: creationTime, revision: 0 },
});
