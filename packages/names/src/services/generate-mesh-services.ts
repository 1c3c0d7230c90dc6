import { isDeepStrictEqual } from "node:util";
import {
  dnsLabelFaults,
  label,
  tag,
  type DataplaneSpec,
  type MeshServicePort,
  type MeshServiceSpec,
  type Resource,
  type ResourceDraft,
  type WithStatus,
} from "@atoll/resource";
import { compare } from "./zone-service.ts";

export type MeshServiceResource = Resource<WithStatus<MeshServiceSpec>>;

/** Value of the label by which generated MeshServices are told from written ones. */
export const generatedBy = "meshservice-generator";

export interface GenerationInput {
  zone: string;
  mesh: string;
  /** `Disabled` takes what was generated away at once. */
  mode: string;
  /** Of the mesh in this zone. */
  dataplanes: readonly Resource<DataplaneSpec>[];
  /** Of the mesh in this zone, written ones included. */
  present: readonly MeshServiceResource[];
  nowMs: number;
  /** How long a MeshService outlives its last Dataplane. */
  gracePeriodMs: number;
}

export interface GenerationPlan {
  put: ResourceDraft<WithStatus<MeshServiceSpec>>[];
  /** Names. */
  delete: string[];
  /** When the next grace period ends; milliseconds since the epoch. */
  nextDueMs?: number;
  /** Services whose Dataplanes do not agree on their ports, or whose name is taken by a MeshService that somebody wrote. */
  conflicts: { service: string; dataplanes: string[] }[];
}

/** One MeshService for each `kuma.io/service` of a mesh whose value can be a host's name. */
export function generateMeshServices(input: GenerationInput): GenerationPlan {
  const { mesh, zone, mode, present, nowMs, gracePeriodMs } = input;
  const plan: GenerationPlan = { put: [], delete: [], conflicts: [] };
  const generated = present.filter(({ labels }) => labels?.[label.managedBy] === generatedBy);
  if (mode === "Disabled") return { ...plan, delete: generated.map(({ name }) => name) };
  const offers = offeredPorts(input.dataplanes);
  const taken = new Set(present.map(({ name }) => name));

  for (const service of generated) {
    const { name, spec, labels = {} } = service;
    const offered = offers.get(name);
    if (offered) {
      const ports = agreedPorts(name, offered, spec.spec.ports, plan);
      const { [label.deletionGracePeriodStartedAt]: started, ...kept } = labels;
      if (started !== undefined || !isDeepStrictEqual(ports, spec.spec.ports)) plan.put.push(draftOf(mesh, name, ports, kept));
      continue;
    }
    const startedMs = Date.parse(labels[label.deletionGracePeriodStartedAt] ?? "");
    if (Number.isNaN(startedMs)) {
      const startedAt = new Date(nowMs).toISOString();
      plan.put.push({ type: "MeshService", mesh, name, labels: { ...labels, [label.deletionGracePeriodStartedAt]: startedAt }, spec });
      plan.nextDueMs = Math.min(plan.nextDueMs ?? Infinity, nowMs + gracePeriodMs);
    } else if (startedMs + gracePeriodMs <= nowMs) plan.delete.push(name);
    else plan.nextDueMs = Math.min(plan.nextDueMs ?? Infinity, startedMs + gracePeriodMs);
  }
  for (const [name, offered] of [...offers].sort(([a], [b]) => compare(a, b))) {
    if (taken.has(name)) continue;
    const ports = agreedPorts(name, offered, undefined, plan);
    plan.put.push(
      draftOf(mesh, name, ports, {
        [label.mesh]: mesh,
        [label.displayName]: name,
        [label.managedBy]: generatedBy,
        [label.env]: "universal",
        [label.zone]: zone,
        [label.origin]: "zone",
      }),
    );
  }
  return plan;
}

const draftOf = (
  mesh: string,
  name: string,
  ports: MeshServicePort[],
  labels: Record<string, string>,
): ResourceDraft<WithStatus<MeshServiceSpec>> => ({
  type: "MeshService",
  mesh,
  name,
  labels,
  spec: { spec: { state: "Unavailable", selector: { dataplaneTags: { [tag.service]: name } }, ports } },
});

interface Offer {
  dataplane: string;
  ports: MeshServicePort[];
}

/** Who offers which ports of each service, the oldest Dataplane first. */
function offeredPorts(dataplanes: GenerationInput["dataplanes"]): Map<string, Offer[]> {
  const offers = new Map<string, Offer[]>();
  const byAge = dataplanes.toSorted((a, b) => compare(a.creationTime, b.creationTime) || compare(a.name, b.name));
  for (const { name, spec } of byAge) {
    for (const { name: inboundName, port, tags, state } of spec.networking.inbound ?? []) {
      const service = tags[tag.service];
      if (service === undefined || state === "Ignored" || !isServable(service)) continue;
      const offered = offers.get(service);
      if (!offered) offers.set(service, [{ dataplane: name, ports: [] }]);
      else if (offered.at(-1)!.dataplane !== name) offered.push({ dataplane: name, ports: [] });
      const { ports } = offers.get(service)!.at(-1)!;
      ports.push({ name: inboundName || String(port), port, targetPort: port, appProtocol: tags[tag.protocol] ?? "tcp" });
    }
  }
  return offers;
}

const servable = new Map<string, boolean>();

/** Remembered: of ten thousand inbounds, few names are new. */
function isServable(service: string): boolean {
  let known = servable.get(service);
  if (known === undefined) servable.set(service, (known = dnsLabelFaults(service).length === 0));
  return known;
}

/** The ports as they are while a Dataplane still has them, else those of the oldest. */
function agreedPorts(service: string, offers: Offer[], present: MeshServicePort[] | undefined, plan: GenerationPlan): MeshServicePort[] {
  const isKept = offers.some(({ ports }) => isDeepStrictEqual(ports, present));
  const agreed = isKept ? present! : offers[0]!.ports;
  const others = offers.filter(({ ports }) => !isDeepStrictEqual(ports, agreed)).map(({ dataplane }) => dataplane);
  if (others.length > 0) plan.conflicts.push({ service, dataplanes: others });
  return agreed;
}
