import { kindOf } from "../kinds.ts";
import type { ResourceDraft, Violation } from "../resource.ts";
import { label } from "../tags.ts";
import { labelField, validateLabels } from "./labels.ts";
import { maxNameLength, validateMeshName, validateName } from "./names.ts";
import { violation, type Violations } from "./violation.ts";

export interface MetaContext {
  /** What the URL of the request says; absent where there is none. `type` decides which kind's rules hold. */
  url?: { type: string; mesh: string; name: string };
  /** Name of the zone, on a zone that is connected to a global. */
  zone?: string;
  /** On global, where nothing of a zone's is written. */
  isGlobal?: boolean;
  /** Brought by the service that carries a cluster's objects: their names are longer than a label's value, and one label repeats them. */
  isCarried?: boolean;
}

type Meta = Omit<ResourceDraft, "spec">;

/**
 * Does a document belong where it is written, and are its type, mesh, name and labels well formed? All violations at once, in the
 * order in which clients know them: the URL's, the labels', the name's, the mesh's (controlplane.md 1.5).
 */
export const validateMeta = (draft: Meta, context: MetaContext = {}): Violation[] => [...metaFaults(draft, context)];

function* metaFaults(draft: Meta, { url, zone, isGlobal, isCarried = false }: MetaContext): Violations {
  const kind = kindOf(url?.type ?? draft.type);
  const inMesh = kind?.scope !== "global";
  if (url && url.name !== draft.name) yield mismatch("name");
  // Global shows what a zone writes under a longer name.
  if (zone !== undefined && `${zone}.${url?.name ?? draft.name}`.length >= maxNameLength) {
    yield violation("name", "the length of the name must be shorter");
  }
  if (url && url.type !== draft.type) yield mismatch("type");
  if (url && inMesh && url.mesh !== draft.mesh) yield mismatch("mesh");
  if (isGlobal) yield* foreignOriginFaults(draft);
  else yield* originFaults(draft, zone, kind?.plugin ?? false);
  const { [label.displayName]: displayName, ...others } = draft.labels ?? {};
  yield* validateLabels(isCarried || displayName === undefined ? others : draft.labels!);
  yield* validateName("name", draft.name);
  if (inMesh) yield* validateMeshName("mesh", draft.mesh);
}

const mismatch = (field: string): Violation => violation(field, `${field} from the URL has to be the same as in body`);

/** What comes from a zone, such as a document that was read here, is changed there. */
function* foreignOriginFaults({ labels = {} }: Meta): Violations {
  const origin = labels[label.origin];
  if (origin !== undefined && origin !== "global" && origin !== "zone")
    yield violation(labelField(label.origin), `unknown resource origin ${JSON.stringify(origin)}`);
  const zone = labels[label.zone];
  const whose = zone === undefined ? "a zone" : `zone "${zone}"`;
  const reason = `the resource comes from ${whose}: change it there, or leave the label out to write one of global's own`;
  if (origin === "zone") yield violation(labelField(label.origin), reason);
  else if (zone !== undefined) yield violation(labelField(label.zone), reason);
}

/** Labels that say where a resource comes from must not contradict where it is written. */
function* originFaults(draft: Meta, zone: string | undefined, plugin: boolean): Violations {
  const labels = draft.labels ?? {};
  const origin = labels[label.origin];
  if (origin !== undefined && origin !== "global" && origin !== "zone") {
    yield violation(labelField(label.origin), `unknown resource origin ${JSON.stringify(origin)}`);
  }
  if (zone === undefined) return;
  if (plugin && origin !== "zone") yield violation(labelField(label.origin), "the origin label must be set to 'zone'");
  if (origin === "global") return;
  const zoneLabel = labels[label.zone];
  if (zoneLabel !== undefined && zoneLabel !== zone) {
    yield violation(labelField(label.zone), `${label.zone} label should have ${zone} value`);
  }
  const meshLabel = labels[label.mesh];
  if (meshLabel !== undefined && meshLabel !== draft.mesh) {
    yield violation(labelField(label.mesh), `${label.mesh} label must not differ from mesh set on resource`);
  }
}

const longestDnsLabel = 63;
const dnsLabel = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const dnsLabelRule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/** Why a name is no RFC 1035 label; kinds whose names become host names accept others with a warning. */
export const dnsLabelFaults = (name: string): string[] => [
  ...(name.length > longestDnsLabel ? [`must be no more than ${longestDnsLabel} characters`] : []),
  ...(dnsLabel.test(name) ? [] : [dnsLabelRule]),
];

/** Why a new mesh cannot have this name. */
export const validateNewMeshName = (name: string): Violation[] =>
  name.length > longestDnsLabel ? [violation("name", `cannot be longer than ${longestDnsLabel} characters`)] : [];
