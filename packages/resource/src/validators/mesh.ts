import { isObject } from "../schema/codec.ts";
import { ParseError } from "../schema/parse-error.ts";
import type { Violation } from "../resource.ts";
import { builtinCaConf, type CertificateAuthorityBackend, type MeshSpec, providedCaConf } from "../specs/mesh.ts";
import { validateLogging, validateMetrics, validateTracing } from "./mesh-observability.ts";
import { validateSelectorTags } from "./tags.ts";
import { isWritten } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const rotationPeriod = /^([0-9]+(y|w|d|h|m|s|ms)|0)$/;

export function* validateMesh(spec: MeshSpec): Violations {
  if (spec.mtls) yield* validateMtls(spec.mtls);
  if (spec.logging) yield* validateLogging(spec.logging);
  if (spec.tracing) yield* validateTracing(spec.tracing);
  if (spec.metrics) yield* validateMetrics(spec.metrics);
  const { requirements = [], restrictions = [] } = spec.constraints?.dataplaneProxy ?? {};
  for (const [name, selectors] of Object.entries({ requirements, restrictions })) {
    for (const [index, selector] of selectors.entries()) {
      yield* validateSelectorTags(`${at(`constraints.dataplaneProxy.${name}`, index)}.tags`, selector.tags, { nonEmpty: true });
    }
  }
  if (spec.routing?.zoneEgress && !spec.mtls?.enabledBackend) yield violation("mtls", "has to be set when zoneEgress enabled");
}

function* validateMtls(mtls: NonNullable<MeshSpec["mtls"]>): Violations {
  const { backends = [], enabledBackend } = mtls;
  if (backends.length > 1) yield violation("mtls.backends", "cannot have more than 1 backends");
  const names = new Set<string>();
  for (const [index, backend] of backends.entries()) {
    const name = backend.name ?? "";
    if (names.has(name)) yield violation(`${at("mtls.backends", index)}.name`, `"${name}" name is already used for another backend`);
    names.add(name);
  }
  if (enabledBackend && !names.has(enabledBackend))
    yield violation("mtls.enabledBackend", "has to be set to one of the backends in the mesh");
  for (const { dpCert } of backends) {
    if (dpCert && !rotationPeriod.test(dpCert.rotation?.expiration ?? "")) {
      yield violation("mtls.dpcert.rotation.expiration", "has to be a valid format");
    }
  }
}

/**
 * What is wrong with the settings of a certificate authority when its mesh is about to be stored; fields are relative to the backend.
 * Whether provided certificates fit is for whoever can load them.
 */
export const validateAuthority = (backend: CertificateAuthorityBackend): Violation[] => [...authorityFaults(backend)];

function* authorityFaults(backend: CertificateAuthorityBackend): Violations {
  const conf = backend.conf ?? {};
  try {
    if (backend.type === "builtin") {
      const { expiration } = builtinCaConf.read(conf).caCert ?? {};
      if (expiration !== undefined && !rotationPeriod.test(expiration))
        yield violation("conf.caCert.expiration", "has to be a valid format");
    } else if (backend.type === "provided") {
      const { cert, key } = providedCaConf.read(conf);
      if (!isWritten(cert)) yield violation("conf.cert", isObject(cert) ? "data source cannot be empty" : "has to be defined");
      if (!isWritten(key)) yield violation("conf.key", isObject(key) ? "data source cannot be empty" : "has to be defined");
    } else yield violation("type", "could not find installed plugin for this type");
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    yield violation("conf", `could not convert backend config: ${error.message}`);
  }
}
