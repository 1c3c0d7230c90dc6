import { typeUrls } from "@atoll/envoy-api";
import { buildProxyView, MeshContexts, type ProxyRef, type ViewInputs, type ViewOptions } from "@atoll/view";
import type { EncodedResource, SnapshotCache } from "@atoll/xds";
import type { SecretMaterials } from "./secret-materials.ts";
import { isPlain, ViewEncoder } from "./view-encoder.ts";
import type { WatchedProxy } from "./watched-proxy.ts";
import { withoutDangling } from "./without-dangling.ts";
import { withoutFailedSecrets } from "./without-failed-secrets.ts";

/** What a proxy has, by hash, and what of it follows neither from the configuration nor from what the zone says. */
export interface SentProxy {
  nodeId: string;
  /** With what its Envoy said of itself. */
  proxy: ProxyRef;
  /** Of the configuration that it is right for. */
  revision: number;
  /** Secrets that could not be made; what needs them was left out. */
  failedSecrets: readonly string[];
  /** What its Envoy refused: ids of elements with its words, by type and name of the resource. */
  refusals: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** typeUrl -> name -> version, which is a hash of the bytes. Without secrets: their keys are random, and no log has them. */
  resources: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What an xDS server has sent, for who makes it once more from the log. Holds no secrets. */
export interface SentRecord {
  zone: string;
  /** What DNS answered for host names in addresses. */
  hosts: Readonly<Record<string, string>>;
  /** `mesh/name` -> type of the key in the certificate of a Secret. */
  keyTypes: Readonly<Record<string, "rsa" | "ecdsa">>;
  proxies: readonly SentProxy[];
}

interface SentSource {
  zone: string;
  cache: Pick<SnapshotCache, "get" | "revision">;
  materials: Pick<SecretMaterials, "certificateKeyType">;
  contexts: MeshContexts;
  proxies: ReadonlyMap<string, Pick<WatchedProxy, "ref" | "made">>;
}

/** Proxies that have nothing yet are not in it. */
export function sentRecord({ zone, cache, materials, contexts, proxies }: SentSource): SentRecord {
  const { addresses } = contexts.options;
  const hosts = [...contexts.hosts()].flatMap((host) => {
    const address = addresses?.get(host);
    return address === undefined ? [] : [[host, address] as const];
  });
  const keyTypes = contexts.inputs.config.list("Secret").flatMap(({ mesh, name }) => {
    const type = materials.certificateKeyType(mesh, name);
    return type === undefined ? [] : [[`${mesh}/${name}`, type] as const];
  });
  const sent = [...proxies].flatMap(([nodeId, { ref, made }]): SentProxy[] => {
    const snapshot = cache.get(nodeId);
    if (snapshot === undefined || made === undefined) return [];
    const { refusals, failed } = made;
    return [
      {
        nodeId,
        proxy: ref,
        revision: cache.revision(nodeId),
        failedSecrets: failed,
        refusals: Object.fromEntries([...refusals].map(([key, ids]) => [key, Object.fromEntries(ids)])),
        resources: Object.fromEntries([...snapshot.resources].flatMap(([typeUrl, ofType]) => versions(typeUrl, ofType))),
      },
    ];
  });
  return { zone, hosts: Object.fromEntries(hosts), keyTypes: Object.fromEntries(keyTypes), proxies: sent };
}

const versions = (typeUrl: string, ofType: ReadonlyMap<string, EncodedResource>): [string, Record<string, string>][] =>
  typeUrl === typeUrls.secret || ofType.size === 0
    ? []
    : [[typeUrl, Object.fromEntries(Array.from(ofType.values(), ({ name, version }) => [name, version]))]];

/**
 * What a proxy is told for a configuration, to the byte, without secrets: typeUrl -> name -> resource. Made by itself from its inputs and
 * from what was recorded of it. undefined where the proxy has no view.
 */
export function remadeConfiguration(
  inputs: ViewInputs,
  options: ViewOptions,
  { proxy, failedSecrets, refusals }: Pick<SentProxy, "proxy" | "failedSecrets" | "refusals">,
): ReadonlyMap<string, ReadonlyMap<string, EncodedResource>> | undefined {
  const view = buildProxyView(new MeshContexts(inputs, options), proxy);
  if (view === undefined) return undefined;
  const encoded = withoutFailedSecrets(view, failedSecrets);
  const refused = new Map(Object.entries(refusals).map(([key, ids]) => [key, new Map(Object.entries(ids))]));
  const { resources, withheld } = new ViewEncoder().encode(encoded, refused);
  if (!isPlain(encoded, withheld)) withoutDangling(resources);
  resources.delete(typeUrls.secret);
  return resources;
}
