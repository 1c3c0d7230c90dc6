import type { MeshGatewayListener, MeshGatewaySpec } from "../specs/mesh-gateway.ts";
import { tag } from "../tags.ts";
import { tagsWithService, validateSelectors, validateSelectorTags } from "./tags.ts";
import { validateHostname, validatePort } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const reserved = [tag.externalServiceName, tag.protocol, tag.service, tag.zone];
/** Most certificates of one listener: one RSA and one ECDSA. */
const maxCertificates = 2;

export function* validateMeshGateway(spec: MeshGatewaySpec): Violations {
  const listeners = spec.conf?.listeners ?? [];
  const crossMesh = listeners.some((listener) => listener.crossMesh);
  yield* validateSelectors("selectors", spec.selectors, { ...tagsWithService, atMostOne: crossMesh });
  yield* validateSelectorTags("tags", spec.tags, { forbidden: reserved });
  if (spec.conf === undefined) yield violation("conf", "cannot be empty");
  else if (listeners.length === 0) yield violation("conf.listeners", "cannot be empty");
  for (const [index, listener] of listeners.entries()) yield* validateListener(at("conf.listeners", index), listener);
  yield* validateCollapsing("conf.listeners", listeners);
}

function* validateListener(path: string, listener: MeshGatewayListener): Violations {
  if (listener.hostname !== undefined) yield* validateHostname(`${path}.hostname`, listener.hostname);
  yield* validatePort(`${path}.port`, listener.port);
  if ((listener.protocol ?? "NONE") === "NONE") yield violation(`${path}.protocol`, "cannot be empty");
  yield* validateTls(path, listener);
  yield* validateSelectorTags(`${path}.tags`, listener.tags, { forbidden: reserved });
}

function* validateTls(path: string, listener: MeshGatewayListener): Violations {
  const { tls } = listener;
  const mode = tls?.mode ?? "NONE";
  const certificates = tls?.certificates ?? [];
  if (listener.protocol === "HTTPS") {
    if (listener.crossMesh) yield violation(`${path}.protocol`, "protocol is not supported with crossMesh");
    else if (!tls) yield violation(`${path}.tls`, "cannot be empty");
    else if (mode === "PASSTHROUGH") yield violation(`${path}.tls.mode`, "mode is not supported on HTTPS listeners");
  }
  if (!tls) return;
  if (listener.crossMesh) {
    if (mode !== "NONE" || certificates.length > 0) yield violation(`${path}.tls`, "must be empty with crossMesh");
  } else if (mode === "NONE") {
    yield violation(`${path}.tls.mode`, "cannot be empty");
  } else if (mode === "TERMINATE") {
    if (certificates.length === 0) yield violation(`${path}.tls.certificates`, "cannot be empty in TLS termination mode");
    if (certificates.length > maxCertificates) yield violation(`${path}.tls.certificates`, "cannot have more than 2 certificates");
  }
}

/** Listeners of one port become one Envoy listener: what they cannot differ in. */
function* validateCollapsing(path: string, listeners: readonly MeshGatewayListener[]): Violations {
  const ports = [...Map.groupBy(listeners.entries(), ([, listener]) => listener.port ?? 0).values()];
  for (const sharing of ports) {
    if (new Set(sharing.map(([, listener]) => listener.protocol ?? "NONE")).size < 2) continue;
    for (const [index] of sharing) yield violation(at(path, index), "protocol conflicts with other listeners on this port");
  }
  for (const sharing of ports) {
    for (const same of Map.groupBy(sharing, ([, listener]) => listener.hostname ?? "*").values()) {
      if (same.length < 2) continue;
      for (const [index] of same) yield violation(at(path, index), "multiple listeners for hostname on this port");
    }
  }
  for (const sharing of ports) {
    const limited = sharing.filter(([, listener]) => listener.resources?.connectionLimit);
    if (new Set(limited.map(([, listener]) => listener.resources?.connectionLimit)).size < 2) continue;
    for (const [index] of limited) yield violation(`${at(path, index)}.resources.connectionLimit`, "conflicting values for this port");
  }
}
