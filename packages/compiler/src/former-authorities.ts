import { caSourceOf } from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import type { MeshSpec, Resource } from "@atoll/resource";
import type { KeyRing } from "@atoll/secret";
import { SecretBytes } from "./secret-bytes.ts";

/** A CA that a mesh had until `replacedAtMs`. */
export interface FormerAuthority {
  backend: string;
  certPem: string;
  keyPem: string;
  replacedAtMs: number;
}

export interface FormerAuthoritiesOptions {
  config: ResourceReader;
  /** The configuration as it was. May reject where the log does not reach back that far: what is older is then not found. */
  at: (revision: number) => Promise<ResourceReader>;
  keyRing: KeyRing;
  /** Of interest is what was replaced since then. */
  sinceMs: number;
}

/** Nobody replaces a CA more often within the time for which a former one matters. */
const mostFormer = 8;

/**
 * The CAs that meshes had until a short while ago, by mesh, newest first: read from the log, so that a server that starts trusts what one
 * that never stopped does.
 */
export async function formerAuthorities(options: FormerAuthoritiesOptions): Promise<Map<string, FormerAuthority[]>> {
  const former = new Map<string, FormerAuthority[]>();
  for (const { name } of options.config.list<MeshSpec>("Mesh")) {
    const found = await formerOf(name, options);
    if (found.length > 0) former.set(name, found);
  }
  return former;
}

async function formerOf(mesh: string, { config, at, keyRing, sinceMs }: FormerAuthoritiesOptions): Promise<FormerAuthority[]> {
  const former: FormerAuthority[] = [];
  let reader = config;
  let later = authorityOf(mesh, reader, keyRing);
  for (let step = 0; later !== undefined && step < mostFormer; step++) {
    const replaced = later.resources.filter(
      ({ creationTime, modificationTime }) => creationTime !== modificationTime && Date.parse(modificationTime) >= sinceMs,
    );
    if (replaced.length === 0) break;
    const replacedAtMs = Math.max(...replaced.map(({ modificationTime }) => Date.parse(modificationTime)));
    try {
      reader = await at(Math.min(...replaced.map(({ revision }) => revision)) - 1);
    } catch {
      break;
    }
    const before = authorityOf(mesh, reader, keyRing);
    if (before === undefined || before.backend !== later.backend) break;
    const { backend, certPem, keyPem } = before;
    if (certPem !== later.certPem || keyPem !== later.keyPem) former.push({ backend, certPem, keyPem, replacedAtMs });
    later = before;
  }
  return former;
}

/** The CA of a mesh in one state, and the resources that hold it; undefined if there is none, or none that can be read. */
function authorityOf(mesh: string, config: ResourceReader, keyRing: KeyRing) {
  const resource = config.get<MeshSpec>("Mesh", "", mesh);
  const backend = resource?.spec.mtls?.backends?.find((one) => one.name === resource.spec.mtls?.enabledBackend);
  const source = backend && caSourceOf(mesh, backend as never);
  if (resource === undefined || backend === undefined || source === undefined) return undefined;
  const secrets = new SecretBytes(config, keyRing);
  const resources = [source.cert, source.key].flatMap((from): Resource[] => {
    const held = from.secret === undefined ? resource : config.get("Secret", mesh, from.secret);
    return held ? [held] : [];
  });
  try {
    const [certPem, keyPem] = [source.cert, source.key].map((from) => Buffer.from(secrets.read(mesh, from)).toString("utf8"));
    return { backend: backend.name, certPem: certPem!, keyPem: keyPem!, resources };
  } catch {
    return undefined;
  }
}
