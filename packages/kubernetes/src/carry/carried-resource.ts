import {
  type DataplaneSpec,
  type Kind,
  type ParsedDocument,
  label,
  parseDocument,
  policyRole,
  type ResourceDraft,
  sortedLabels,
  withComputedLabels,
  withZoneTag,
} from "@atoll/resource";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { documentOf, type ObjectDocument } from "../read-object.ts";
import { isSecretType } from "../resource-kinds.ts";
import { environment, type Home, homeOf, isCopy, type Place } from "./place.ts";

/** What an object says here: what to send to the REST API of its home, and what the log holds once that took it. */
export interface CarriedResource {
  readonly kind: Kind;
  readonly home: Home;
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  /** The document that is sent. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What the log holds then; Secrets are sealed there. A document that cannot be read has faults instead. */
  readonly expected: ParsedDocument;
}

/** Undefined: nothing of this object is written from here, being a copy, of another side's kind, or no resource at all. */
export function carriedResource(object: KubernetesObject, place: Place): CarriedResource | undefined {
  const document = documentOf(object);
  if (document === undefined || isCopy(object, place)) return undefined;
  const { kind, type, mesh, name } = document;
  const home = homeOf(kind, place);
  if (home === undefined) return undefined;
  const labels = carriedLabels(object, document, home, place);
  const spec =
    kind.type === "MeshService" ? { spec: withoutObserved(object.spec) } : kind.hasStatus ? { spec: object.spec } : specOf(document);
  const body = { type, ...(kind.scope === "mesh" && { mesh }), name, labels, ...spec };
  const parsed = parseDocument(body, { kind });
  return {
    kind,
    home,
    type,
    mesh,
    name,
    body,
    expected: parsed.ok ? { ok: true, resource: stored(parsed.resource, home, place) } : parsed,
  };
}

function specOf({ body }: ObjectDocument): object {
  const { type: _type, mesh: _mesh, name: _name, labels: _labels, ...spec } = body;
  return spec;
}

function carriedLabels(
  { metadata: { namespace } }: KubernetesObject,
  { kind, labels, body }: ObjectDocument,
  home: Home,
  { zone, systemNamespace }: Place,
): Record<string, string> {
  const { [label.origin]: _origin, [label.zone]: _zone, ...own } = labels;
  const isSpaced = kind.namespaced && namespace !== undefined && !isSecretType(kind.type);
  const role = isSpaced && kind.plugin && kind.policy ? policyRole(kind, body["spec"], namespace, systemNamespace) : undefined;
  return sortedLabels({
    ...own,
    [label.env]: environment,
    ...(isSpaced && { [label.kubernetesNamespace]: namespace }),
    ...(role && "role" in role && { [label.policyRole]: role.role }),
    ...(home === "zone" && { [label.origin]: "zone", [label.zone]: zone }),
  });
}

/** What the control plane finds out of a service is written into its object, and is not its author's to say. */
function withoutObserved(spec: unknown): unknown {
  const { state: _state, identities: _identities, ...written } = (spec ?? {}) as Record<string, unknown>;
  return written;
}

function stored(resource: ResourceDraft, home: Home, { zone, mode }: Place): ResourceDraft {
  const withLabels = withComputedLabels(resource, home === "zone" ? { zone, environment } : { global: true });
  const isDataplane = resource.type === "Dataplane" && mode !== "global";
  return isDataplane ? { ...withLabels, spec: withZoneTag(resource.spec as DataplaneSpec, zone) } : withLabels;
}
