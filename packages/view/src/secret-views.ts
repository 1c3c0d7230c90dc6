import { collectTags } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import { realEgressSecrets } from "./services/real-egress.ts";
import { services, tagSets } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import {
  adminClientsSecret,
  adminServerSecret,
  allMeshCasSecret,
  identityMesh,
  meshCaMesh,
  serviceTag,
  zoneEgressService,
} from "./names.ts";
import type { DownstreamTlsView, ProxyView, SecretView, UpstreamTlsView } from "./proxy-view.ts";

type Asking = Partial<Omit<UpstreamTlsView & DownstreamTlsView, "minVersion">> | undefined;

/** By the part, which is never changed: many proxies share it. */
const mentioned = new WeakMap<object, readonly string[]>();

function mentionedIn(part: object, tls: () => readonly Asking[]): readonly string[] {
  let names = mentioned.get(part);
  if (names === undefined) {
    names = tls().flatMap((one) =>
      one ? [one.certificate, one.clientCertificate, one.ca, ...(one.certificates ?? [])].flatMap((name) => name || []) : [],
    );
    mentioned.set(part, names);
  }
  return names;
}

/** Every secret name that the view's listeners and clusters mention. */
export function secretNames({ listeners, clusters }: Pick<ProxyView, "listeners" | "clusters">): Set<string> {
  const names = new Set<string>();
  for (const listener of listeners) for (const name of mentionedIn(listener, () => listener.chains.map(({ tls }) => tls))) names.add(name);
  for (const cluster of clusters) {
    const asking = (): Asking[] => [cluster.tls, ...(cluster.tlsMatches ?? []).map(({ tls }) => tls)];
    for (const name of mentionedIn(cluster, asking)) names.add(name);
  }
  return names;
}

/** What a proxy's certificate states of it, by its Dataplane: the same object as long as that is the same. */
const identities = new WeakMap<Dataplane, SecretView["source"]>();

function identityOf(own: Dataplane): SecretView["source"] {
  let identity = identities.get(own);
  if (identity === undefined)
    identities.set(own, (identity = { type: "identity", mesh: own.mesh, services: services(own), tags: pairs(tagSets(own)) }));
  return identity;
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
  const given = new Map(certificates.map((secret) => [secret.name, secret]));
  let external: Map<string, SecretView> | undefined;
  return [...secretNames(view)].sort().flatMap((name): SecretView[] => {
    const source = given.get(name)?.source ?? wellKnown(contexts, own, name);
    if (source) return [{ name, source }];
    external ??= externalSecrets(contexts, own);
    const found = external.get(name);
    return found ? [found] : [];
  });
}

/** Of secrets whose name says what they are. */
function wellKnown(contexts: MeshContexts, own: Dataplane | null, name: string): SecretView["source"] | undefined {
  if (name === adminServerSecret) return { type: "adminServer" };
  if (name === adminClientsSecret) return { type: "adminClients" };
  if (own && name === allMeshCasSecret) return { type: "allMeshCas", ownMesh: own.mesh };
  const ca = meshCaMesh(name);
  if (ca !== undefined && contexts.mesh(ca)) return { type: "meshCa", mesh: ca };
  const mesh = identityMesh(name);
  if (mesh === undefined) return undefined;
  if (own) return own.mesh === mesh ? identityOf(own) : undefined;
  return (
    contexts.mesh(mesh) && { type: "identity", mesh, services: [zoneEgressService], tags: pairs([{ [serviceTag]: zoneEgressService }]) }
  );
}

/** Those of external services of the proxy's mesh; of all meshes for a zone proxy. */
const externalSecrets = (contexts: MeshContexts, own: Dataplane | null): Map<string, SecretView> =>
  new Map(
    contexts
      .all()
      .filter(({ name }) => !own || own.mesh === name)
      .flatMap((context) => [...context.externalServices.flatMap(({ secrets }) => secrets), ...(own ? [] : realEgressSecrets(context))])
      .map((secret) => [secret.name, secret]),
  );
