import { kindOf, label, parseDocument, validateMeta, type Kind, type ResourceDraft, type Violation } from "@atoll/resource";

/** A document of the source, read: what it is of, and whether it can be taken along at all. */
export type Classified = { type: string; mesh: string; name: string } & (
  | { sort: "resource"; kind: Kind; draft: ResourceDraft }
  | { sort: "left-out"; why: string }
  | { sort: "invalid"; violations: readonly Violation[] }
);

/** A control plane makes these for itself: with another's, its TLS would break. */
const ownOfAControlPlane = new Set(["envoy-admin-ca", "inter-cp-ca"]);
/** Proxies bring these when they connect. */
const broughtByProxies = new Set(["Dataplane", "ZoneIngress", "ZoneEgress"]);

/** Reads each document. Of several of one resource the last one stands: an export begins with bare meshes. */
export function classify(documents: readonly unknown[]): Classified[] {
  const found = new Map<string, Classified>();
  for (const document of documents) {
    const one = classifyDocument(document);
    const key = `${one.type}/${one.mesh}/${one.name}`;
    found.delete(key);
    found.set(key, one);
  }
  return [...found.values()];
}

function classifyDocument(document: unknown): Classified {
  const meta = metaOf(document);
  const { labels, ...named } = meta;
  const leftOut = (why: string): Classified => ({ ...named, sort: "left-out", why });
  const parsed = parseDocument(document);
  const kind = kindOf(parsed.ok ? parsed.resource.type : named.type);
  if (kind === undefined || kind.internal) return leftOut("Atoll does not know this kind");
  if (broughtByProxies.has(kind.type)) return leftOut("its proxy brings it when it connects");
  if (kind.readOnly || !kind.writableOn.global) return leftOut("made anew by the control plane");
  if (labels[label.origin] === "zone") return leftOut(`it belongs to zone ${labels[label.zone] ?? "?"}: apply it there`);
  if (!parsed.ok) {
    const violations = parsed.violations ?? [{ field: "", reason: parsed.parseError }];
    return { ...named, sort: "invalid", violations };
  }
  const { resource: draft } = parsed;
  const read = { type: draft.type, mesh: draft.mesh, name: draft.name };
  if (draft.type === "GlobalSecret" && ownOfAControlPlane.has(draft.name))
    return { ...read, sort: "left-out", why: "each control plane has its own" };
  const violations = validateMeta(draft);
  if (violations.length > 0) return { ...read, sort: "invalid", violations };
  return { ...read, sort: "resource", kind, draft };
}

/** What a document calls itself, however wrong the rest of it is. */
function metaOf(document: unknown): { type: string; mesh: string; name: string; labels: Record<string, unknown> } {
  const { type, kind, mesh, name, metadata, ...more } = (document ?? {}) as Record<string, unknown>;
  const { name: kubernetesName, labels: kubernetesLabels } = (metadata ?? {}) as { name?: unknown; labels?: unknown };
  const labels = (more["labels"] ?? kubernetesLabels ?? {}) as Record<string, unknown>;
  return {
    type: String(type ?? kind ?? "?"),
    mesh: String(mesh ?? labels[label.mesh] ?? ""),
    name: String(name ?? kubernetesName ?? "?"),
    labels,
  };
}
