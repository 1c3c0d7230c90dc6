import { kindOf } from "../kinds.ts";
import type { ResourceDraft, Violation } from "../resource.ts";
import { label } from "../tags.ts";
import { validateLabels } from "./labels.ts";
import { violation, type Violations } from "./violation.ts";

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainRule =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const meshCharacters = /^[0-9a-z\-_.]*$/;
const meshRule = "invalid characters. Valid characters are numbers, lowercase latin letters and '-', '_' symbols.";
const maxLength = 253;
const lengthRule = "value length must less or equal 253";

export interface MetaContext {
  /** What the URL of the request says; absent where there is none. */
  url?: { type: string; mesh: string; name: string };
  /** Name of the zone, on a zone that is connected to a global. */
  zone?: string;
}

/** Checks type, mesh, name and labels of a document. All violations, in the order of the fields. */
export const validateMeta = (draft: Omit<ResourceDraft, "spec">, context: MetaContext = {}): Violation[] => [...metaFaults(draft, context)];

function* metaFaults(draft: Omit<ResourceDraft, "spec">, { url, zone }: MetaContext): Violations {
  const kind = kindOf(draft.type);
  const inMesh = (kindOf(url?.type ?? draft.type) ?? kind)?.scope !== "global";
  if (url && url.name !== draft.name) yield mismatch("name");
  if (url && url.type !== draft.type) yield mismatch("type");
  if (url && inMesh && url.mesh !== draft.mesh) yield mismatch("mesh");
  if (zone !== undefined && `${zone}.${draft.name}`.length >= maxLength) yield violation("name", "the length of the name must be shorter");
  yield* nameFaults(draft.name);
  if (inMesh) yield* meshFaults(draft.mesh);
  yield* validateLabels(draft.labels ?? {});
  yield* originFaults(draft, { zone, plugin: kind?.plugin ?? false });
}

const mismatch = (field: string): Violation => violation(field, `${field} from the URL has to be the same as in body`);

function* nameFaults(name: string): Violations {
  if (name === "") yield violation("name", "cannot be empty");
  else {
    if (name.length > maxLength) yield violation("name", lengthRule);
    if (!subdomain.test(name)) yield violation("name", subdomainRule);
  }
}

function* meshFaults(mesh: string): Violations {
  if (mesh === "") yield violation("mesh", "cannot be empty");
  else {
    if (mesh.length > maxLength) yield violation("mesh", lengthRule);
    if (!meshCharacters.test(mesh)) yield violation("mesh", meshRule);
  }
}

/** Labels that say where a resource comes from must not contradict where it is written. */
function* originFaults(draft: Omit<ResourceDraft, "spec">, where: { zone?: string; plugin: boolean }): Violations {
  const labels = draft.labels ?? {};
  const origin = labels[label.origin];
  const originField = `labels["${label.origin}"]`;
  if (origin !== undefined && origin !== "global" && origin !== "zone") {
    yield violation(originField, `unknown resource origin ${JSON.stringify(origin)}`);
  }
  if (where.zone !== undefined) {
    if (where.plugin && origin !== "zone") yield violation(originField, "the origin label must be set to 'zone'");
    const zoneLabel = labels[label.zone];
    if (origin !== "global" && zoneLabel !== undefined && zoneLabel !== where.zone) {
      yield violation(`labels["${label.zone}"]`, `${label.zone} label should have ${where.zone} value`);
    }
  }
  const meshLabel = labels[label.mesh];
  if (meshLabel !== undefined && draft.mesh !== "" && meshLabel !== draft.mesh) {
    yield violation(`labels["${label.mesh}"]`, `${label.mesh} label should have ${draft.mesh} value`);
  }
}

const rfc1035Label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** Whether a mesh's name is an RFC 1035 label; other names are accepted with a warning. */
export const isMeshNameRfc1035 = (name: string): boolean => name.length <= 63 && rfc1035Label.test(name);

/** Why a new mesh cannot have this name. */
export const validateNewMeshName = (name: string): Violation[] =>
  name.length > 63 ? [violation("name", "cannot be longer than 63 characters")] : [];
