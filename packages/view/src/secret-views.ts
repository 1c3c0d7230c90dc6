import { collectTags } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import { services, tagSets } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import {
  adminClientsSecret,
  adminServerSecret,
  allMeshCasSecret,
  identitySecret,
  meshCaSecret,
  serviceTag,
  zoneEgressService,
} from "./names.ts";
import type { DownstreamTlsView, ProxyView, SecretView, UpstreamTlsView } from "./proxy-view.ts";

/** Every secret name that the view's listeners and clusters mention. */
export function secretNames({ listeners, clusters }: Pick<ProxyView, "listeners" | "clusters">): Set<string> {
  const names = new Set<string>();
  const note = (tls: Partial<UpstreamTlsView & DownstreamTlsView> | undefined): void => {
    if (!tls) return;
    for (const name of [tls.certificate, tls.clientCertificate, tls.ca, ...(tls.certificates ?? [])]) if (name) names.add(name);
  };
  for (const listener of listeners) for (const chain of listener.chains) note(chain.tls);
  for (const cluster of clusters) {
    note(cluster.tls);
    for (const match of cluster.tlsMatches ?? []) note(match.tls);
  }
  return names;
}

const pairs = (sets: readonly Tags[]): [string, string][] =>
  collectTags(sets).flatMap(([key, values]) => values.map((value): [string, string] => [key, value]));

/**
 * The secrets a proxy must be able to ask for, sorted by name: those its view mentions. `own` is the dataplane, or null for a
 * zone proxy, which has an identity in each mesh if it asks for one; `certificates` are those of a gateway's listeners.
 */
export function secretViews(
  contexts: MeshContexts,
  view: ProxyView,
  own: Dataplane | null,
  certificates: readonly SecretView[],
): SecretView[] {
  const known = new Map<string, SecretView>([
    [adminServerSecret, { name: adminServerSecret, source: { type: "adminServer" } }],
    [adminClientsSecret, { name: adminClientsSecret, source: { type: "adminClients" } }],
  ]);
  const add = (secret: SecretView): void => void known.set(secret.name, secret);
  for (const context of contexts.all()) {
    const mesh = context.name;
    add({ name: meshCaSecret(mesh), source: { type: "meshCa", mesh } });
    if (!own) {
      const source = { type: "identity" as const, mesh, services: [zoneEgressService], tags: pairs([{ [serviceTag]: zoneEgressService }]) };
      add({ name: identitySecret(mesh), source });
    }
    if (!own || own.mesh === mesh) for (const { secrets } of context.externalServices) secrets.forEach(add);
  }
  if (own) {
    const source = { type: "identity" as const, mesh: own.mesh, services: services(own), tags: pairs(tagSets(own)) };
    add({ name: identitySecret(own.mesh), source });
    add({ name: allMeshCasSecret, source: { type: "allMeshCas", ownMesh: own.mesh } });
  }
  certificates.forEach(add);
  return [...secretNames(view)].sort().flatMap((name) => known.get(name) ?? []);
}
