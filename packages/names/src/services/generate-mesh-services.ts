import {
  equalJson,
  label,
  tag,
  type MeshServicePort,
  type MeshServiceSpec,
  type Resource,
  type ResourceDraft,
  type WithStatus,
} from "@atoll/resource";
import type { MeshDataplanes, PortOffer } from "./mesh-dataplanes.ts";

export type MeshServiceResource = Resource<WithStatus<MeshServiceSpec>>;

/** Value of the label by which generated MeshServices are told from written ones. */
export const generatedBy = "meshservice-generator";

export interface GenerationInput {
  zone: string;
  mesh: string;
  /** `Disabled` takes what was generated away at once. */
  mode: string;
  /** Of the mesh in this zone. */
  dataplanes: Pick<MeshDataplanes, "services" | "offersOf">;
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
  const { mesh, zone, mode, dataplanes, present, nowMs, gracePeriodMs } = input;
  const plan: GenerationPlan = { put: [], delete: [], conflicts: [] };
  const generated = present.filter(({ labels }) => labels?.[label.managedBy] === generatedBy);
  if (mode === "Disabled") return { ...plan, delete: generated.map(({ name }) => name) };
  const taken = new Set(present.map(({ name }) => name));

  for (const service of generated) {
    const { name, spec, labels = {} } = service;
    const offered = dataplanes.offersOf(name);
    if (offered) {
      const ports = agreedPorts(name, offered, spec.spec.ports, plan);
      const { [label.deletionGracePeriodStartedAt]: started, ...kept } = labels;
      if (started !== undefined || !equalJson(ports, spec.spec.ports)) plan.put.push(draftOf(mesh, name, ports, kept));
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
  for (const name of dataplanes.services()) {
    if (taken.has(name)) continue;
    const ports = agreedPorts(name, dataplanes.offersOf(name)!, undefined, plan);
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

interface Agreed {
  present: MeshServicePort[] | undefined;
  ports: MeshServicePort[];
  /** Dataplanes that have others. */
  others: string[];
}

/** By the offers, which stay the same array while nobody changes them. */
const agreed = new WeakMap<readonly PortOffer[], Agreed>();

/** The ports as they are while a Dataplane still has them, else those of the oldest. */
function agreedPorts(
  service: string,
  offers: readonly PortOffer[],
  present: MeshServicePort[] | undefined,
  plan: GenerationPlan,
): MeshServicePort[] {
  let known = agreed.get(offers);
  if (known === undefined || known.present !== present) {
    const isKept = offers.some(({ ports }) => equalJson(ports, present));
    const ports = isKept ? present! : offers[0]!.ports;
    const others = offers.filter((one) => !equalJson(one.ports, ports)).map(({ dataplane }) => dataplane);
    agreed.set(offers, (known = { present, ports, others }));
  }
  if (known.others.length > 0) plan.conflicts.push({ service, dataplanes: known.others });
  return known.ports;
}
