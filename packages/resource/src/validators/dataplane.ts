import { inboundAddressesOf } from "../dataplane.ts";
import type { TagMap } from "../specs/common.ts";
import type { DataplaneGateway, DataplaneInbound, DataplaneOutbound, DataplaneSpec } from "../specs/dataplane.ts";
import { tag } from "../tags.ts";
import { validateMetricsBackend } from "./mesh-observability.ts";
import { validateName } from "./names.ts";
import { validateProtocolTag, validateTags } from "./tags.ts";
import { includesLoopback, isIpAddress, isWritten, validateAddress, validateDuration, validatePort, validateThreshold } from "./values.ts";
import { at, keyed, violation, type Violations } from "./violation.ts";

type Networking = DataplaneSpec["networking"];
type TransparentProxying = NonNullable<Networking["transparentProxying"]>;

const backendKinds = ["MeshExternalService", "MeshMultiZoneService", "MeshService"];

export function* validateDataplane(spec: DataplaneSpec): Violations {
  const { networking } = spec;
  if (networking === undefined) {
    yield violation("networking", "must be defined");
    return;
  }
  yield* validateAdmin(spec);
  if (networking.gateway) yield* validateGatewayProxy(spec, networking.gateway);
  else yield* validateSidecar(spec);
}

function* validateAddresses(spec: DataplaneSpec): Violations {
  const { address, advertisedAddress } = spec.networking;
  yield* validateAddress("networking.address", address);
  if (advertisedAddress !== undefined) yield* validateAddress("networking.advertisedAddress", advertisedAddress);
}

/** Envoy's admin listens on the loopback address. */
function* validateAdmin(spec: DataplaneSpec): Violations {
  const { admin, inbound = [], outbound = [] } = spec.networking;
  if (admin?.port === undefined) return;
  const collides = (address: string, port: number): boolean => port === admin.port && includesLoopback(address);
  const path = "networking.admin.port";
  const taken = inbound.map((one) => inboundAddressesOf(spec, one));
  if (taken.some(({ listen, application }) => collides(listen.address, listen.port) || collides(application.address, application.port))) {
    yield violation(path, "must differ from inbound");
  }
  if (outbound.some((one) => collides(one.address ?? "127.0.0.1", one.port))) yield violation(path, "must differ from outbound");
}

function* validateSidecar(spec: DataplaneSpec): Violations {
  const { inbound = [], outbound = [] } = spec.networking;
  if (inbound.length === 0) yield violation("networking", "has to contain at least one inbound interface or gateway");
  yield* validateAddresses(spec);
  for (const [index, one] of inbound.entries()) yield* validateInbound(at("networking.inbound", index), one, spec);
  for (const [index, one] of outbound.entries()) yield* validateOutbound(at("networking.outbound", index), one);
  yield* validateTransparentProxying(spec.networking.transparentProxying);
  yield* validateProbes(spec.probes);
  if (spec.metrics) yield* validateMetricsBackend("metrics", spec.metrics);
}

function* validateGatewayProxy(spec: DataplaneSpec, gateway: DataplaneGateway): Violations {
  const { inbound = [], outbound = [] } = spec.networking;
  const builtin = gateway.type === "BUILTIN";
  const kind = builtin ? "builtin" : "delegated";
  if (inbound.length > 0) yield violation("networking.inbound", `inbound cannot be defined for ${kind} gateways`);
  if (builtin) {
    if (outbound.length > 0) yield violation("networking.outbound", "outbound cannot be defined for builtin gateways");
    if (spec.probes) yield violation("networking.probes", "probes cannot be defined for builtin gateways");
  }
  yield* validateTags("networking.gateway.tags", gateway.tags, { service: "required", also: validateGatewayProtocol });
  yield* validateAddresses(spec);
  if (builtin) return;
  for (const [index, one] of outbound.entries()) yield* validateOutbound(at("networking.outbound", index), one);
  yield* validateTransparentProxying(spec.networking.transparentProxying);
  yield* validateProbes(spec.probes);
}

/** Plain TCP is all that is known of what a gateway receives. */
function* validateGatewayProtocol(path: string, tags: TagMap): Violations {
  const protocol = tags[tag.protocol];
  if (protocol !== undefined && protocol !== "tcp") {
    yield violation(keyed(path, tag.protocol), `other values than tcp are not allowed, provided value "${protocol}"`);
  }
}

function* validateInbound(path: string, inbound: DataplaneInbound, spec: DataplaneSpec): Violations {
  yield* validatePort(`${path}.port`, inbound.port);
  if (inbound.servicePort !== undefined) yield* validatePort(`${path}.servicePort`, inbound.servicePort);
  const samePort = (inbound.servicePort ?? inbound.port) === inbound.port;
  const takesItsOwnPlace = violation(`${path}.serviceAddress`, "serviceAddress and servicePort has to differ from address and port");
  if (inbound.serviceAddress !== undefined) {
    if (!isIpAddress(inbound.serviceAddress)) yield violation(`${path}.serviceAddress`, "serviceAddress has to be valid IP address");
    if (inbound.serviceAddress === spec.networking.address && samePort) yield takesItsOwnPlace;
  }
  if (inbound.address !== undefined) {
    if (!isIpAddress(inbound.address)) yield violation(`${path}.address`, "address has to be valid IP address");
    if (inbound.address === inbound.serviceAddress && samePort) yield takesItsOwnPlace;
  }
  yield* validateTags(`${path}.tags`, inbound.tags, { also: validateProtocolTag });
  if (inbound.serviceProbe) yield* validateServiceProbe(`${path}.serviceProbe`, inbound.serviceProbe);
  if (inbound.tags?.[tag.service] === undefined) yield violation(keyed(`${path}.tags`, tag.service), "tag has to exist");
}

function* validateServiceProbe(path: string, probe: NonNullable<DataplaneInbound["serviceProbe"]>): Violations {
  for (const name of ["interval", "timeout"] as const) {
    if (probe[name] !== undefined) yield* validateDuration(`${path}.${name}`, probe[name]);
  }
  for (const name of ["unhealthyThreshold", "healthyThreshold"] as const) {
    if (probe[name] !== undefined) yield* validateThreshold(`${path}.${name}`, probe[name]);
  }
}

function* validateOutbound(path: string, outbound: DataplaneOutbound): Violations {
  yield* validatePort(`${path}.port`, outbound.port);
  if (outbound.address !== undefined && !isIpAddress(outbound.address)) {
    yield violation(`${path}.address`, "address has to be valid IP address");
  }
  const { backendRef } = outbound;
  if (!backendRef) {
    yield* validateTags(`${path}.tags`, outbound.tags, { service: "required" });
    return;
  }
  const field = `${path}.backendRef`;
  yield* validateBackendKind(field, backendRef.kind);
  if (!backendRef.name && !isWritten(backendRef.labels)) yield violation(field, "either 'name' or 'labels' should be specified");
  if (backendRef.kind !== "MeshExternalService") yield* validatePort(`${field}.port`, backendRef.port);
  if (isWritten(outbound.tags)) yield violation(field, "both backendRef and tags/service cannot be defined");
}

function* validateBackendKind(path: string, kind: string): Violations {
  if (!backendKinds.includes(kind)) yield violation(`${path}.kind`, `invalid value. Available values are: ${backendKinds.join(",")}`);
}

/** The misspelt path is what existing clients get to see. */
function* validateTransparentProxying(proxying: TransparentProxying | undefined): Violations {
  for (const [index, ref] of (proxying?.reachableBackends?.refs ?? []).entries()) {
    const path = at("networking.transparentProxing.reachableBackends.refs", index);
    yield* validateBackendKind(path, ref.kind);
    if (ref.name) yield* validateName(`${path}.name`, ref.name);
    else if (ref.namespace) yield violation(`${path}.name`, "name is required, when namespace is defined");
    else if (!isWritten(ref.labels)) yield violation(`${path}.name`, "name or labels are required");
    if ((ref.name || ref.namespace) && isWritten(ref.labels)) {
      yield violation(`${path}.labels`, "labels cannot be defined when name is specified");
    }
    if (ref.port !== undefined) yield* validatePort(`${path}.port`, ref.port);
  }
}

function* validateProbes(probes: DataplaneSpec["probes"]): Violations {
  if (!probes) return;
  yield* validatePort("probes.port", probes.port);
  for (const [index, endpoint] of (probes.endpoints ?? []).entries()) {
    const path = at("probes.endpoints", index);
    yield* validatePort(`${path}.inboundPort`, endpoint.inboundPort);
    for (const name of ["inboundPath", "path"] as const) {
      if (!endpoint[name]?.startsWith("/")) yield violation(`${path}.${name}`, "should be a valid URL Path");
    }
  }
}
