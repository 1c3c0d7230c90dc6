import type { TargetRef } from "../../specs/plugin-policy.ts";
import { validateSelectorTags, validateTags } from "../tags.ts";
import { violation, type Violations } from "../violation.ts";

export interface TargetRefRules {
  kinds: readonly TargetRef["kind"][];
  /** Whose policy it is: gateways and routes are none of a namespace's, so that only who runs the mesh names them. Default: "system". */
  role?: string;
  /** Tags of a MeshGateway pick its listeners. */
  gatewayTags?: boolean;
  /** The policy acts on inbounds, so that one of them may be named. */
  inbound?: boolean;
  /** What is said of other kinds. */
  otherKinds?: string;
  /** Names that are taken though they are none. */
  namesAsWell?: readonly string[];
}

const nameCharacters = /^[0-9a-z.\-_]*$/;
type Field = "name" | "mesh" | "tags" | "labels" | "namespace" | "sectionName" | "proxyTypes";

const isSet = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);

const isOfNamespace = (role: string | undefined): boolean => role !== undefined && role !== "" && role !== "system";

/** Whether a reference is of a kind that may stand here, with the fields of that kind. */
export function* validateTargetRef(path: string, ref: TargetRef, rules: TargetRefRules): Violations {
  const { kind } = ref;
  if (!rules.kinds.includes(kind) || (isOfNamespace(rules.role) && (kind === "MeshGateway" || kind === "MeshHTTPRoute")))
    return yield violation(`${path}.kind`, rules.otherKinds ?? "value is not supported");
  const forbid = function* (...fields: Field[]): Violations {
    for (const field of fields) if (isSet(ref[field])) yield violation(`${path}.${field}`, `must not be set with kind ${kind}`);
  };
  const proxyTypes = function* (): Violations {
    if (ref.proxyTypes?.length === 0) yield violation(`${path}.proxyTypes`, "must be undefined or have at least one element");
  };
  const name = function* (): Violations {
    const { name: text = "" } = ref;
    if (!nameCharacters.test(text) && rules.namesAsWell?.includes(text) !== true) {
      yield violation(`${path}.name`, "invalid characters: must consist of lower case alphanumeric characters, '-', '.' and '_'.");
    }
  };
  const required = function* (): Violations {
    if (!ref.name) yield violation(`${path}.name`, `must be set with kind ${kind}`);
  };
  const either = function* (words: string): Violations {
    if (isSet(ref.labels) && (ref.name || ref.namespace)) yield violation(`${path}.labels`, `either labels or ${words} must be specified`);
  };
  switch (kind) {
    case "Mesh":
      if (ref.name) yield violation(`${path}.name`, `using name with kind ${kind} is not yet supported`);
      yield* forbid("mesh", "tags", "labels", "namespace", "sectionName");
      yield* proxyTypes();
      return;
    case "Dataplane":
      yield* forbid("tags", "mesh", "proxyTypes");
      yield* either("name and namespace");
      if (rules.inbound !== true && ref.sectionName) yield violation(`${path}.sectionName`, "can only be used with inbound policies");
      return;
    case "MeshSubset":
      yield* forbid("name", "mesh");
      yield* validateTags(`${path}.tags`, ref.tags);
      yield* forbid("labels", "namespace", "sectionName");
      yield* proxyTypes();
      return;
    case "MeshService":
    case "MeshMultiZoneService":
    case "MeshHTTPRoute":
      if (kind === "MeshMultiZoneService") return;
      yield* name();
      yield* forbid("mesh", "tags", "proxyTypes");
      if (!isSet(ref.labels)) yield* required();
      yield* either("name and namespace");
      return;
    case "MeshServiceSubset":
    case "MeshGateway":
      yield* required();
      yield* name();
      yield* forbid("mesh", "proxyTypes");
      yield* validateSelectorTags(`${path}.tags`, ref.tags);
      if (kind === "MeshGateway" && rules.gatewayTags !== true) yield* forbid("tags");
      yield* forbid("labels", "namespace", "sectionName");
      return;
    case "MeshExternalService":
      yield* name();
      yield* forbid("mesh", "tags", "proxyTypes");
      if (!isSet(ref.labels)) yield* required();
      yield* either("name");
      yield* forbid("sectionName");
  }
}
