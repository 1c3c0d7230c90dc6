import { inboundAddressesOf } from "../dataplane.ts";
import type { DataplaneGateway, DataplaneInbound, DataplaneOutbound, DataplaneSpec } from "../specs/dataplane.ts";
import { tag } from "../tags.ts";
import { validateMetricsBackend } from "./mesh-observability.ts";
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
  yield* validateAddress("networking.address", networking.address);
  if (networking.advertisedAddress !== undefined) yield* validateAddress("networking.advertisedAddress", networking.advertisedAddress);
  if (networking.gateway) yield* validateGatewayProxy(spec, networking.gateway);
  else yield* validateSidecar(spec);
  if (networking.transparentProxying) yield* validateTransparentProxying(networking.transparentProxying);
  if (spec.metrics) yield* validateMetricsBackend("metrics", spec.metrics);
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
  for (const [index, one] of inbound.entries()) yield* validateInbound(at("networking.inbound", index), one, spec);
  for (const [index, one] of outbound.entries()) yield* validateOutbound(at("networking.outbound", index), one);
  yield* validateProbes(spec.probes);
}

function* validateGatewayProxy(spec: DataplaneSpec, gateway: DataplaneGateway): Violations {
  const { inbound = [], outbound = [] } = spec.networking;
  const builtin = gateway.type === "BUILTIN";
  const kind = builtin ? "builtin" : "delegated";
  if (inbound.length > 0) yield violation("networking.inbound", `inbound cannot be defined for ${kind} gateways`);
  if (builtin) {
    if (outbound.length > 0) yield violation("networking.outbound", "outbound cannot be defined for builtin gateways");
    if (spec.probes) yield violation("networking.probes", "probes cannot be defined for builtin gateways");
  } else {
    for (const [index, one] of outbound.entries()) yield* validateOutbound(at("networking.outbound", index), one);
  }
  const path = "networking.gateway.tags";
  const { tags = {} } = gateway;
  if (tags[tag.service] === undefined) yield violation(keyed(path, tag.service), "tag has to exist");
  const protocol = tags[tag.protocol];
  if (protocol !== undefined && protocol !== "tcp") {
    yield violation(keyed(path, tag.protocol), `other values than tcp are not allowed, provided value "${protocol}"`);
  }
  yield* validateTags(path, tags);
}

function* validateInbound(path: string, inbound: DataplaneInbound, spec: DataplaneSpec): Violations {
  yield* validatePort(`${path}.port`, inbound.port);
  if (inbound.servicePort !== undefined) yield* validatePort(`${path}.servicePort`, inbound.servicePort);
  if (inbound.serviceAddress !== undefined) {
    if (!isIpAddress(inbound.serviceAddress)) yield violation(`${path}.serviceAddress`, "serviceAddress has to be valid IP address");
    const { listen, application } = inboundAddressesOf(spec, inbound);
    if (application.address === listen.address && application.port === listen.port) {
      yield violation(`${path}.serviceAddress`, "serviceAddress and servicePort has to differ from address and port");
    }
  }
  if (inbound.address !== undefined && !isIpAddress(inbound.address)) {
    yield violation(`${path}.address`, "address has to be valid IP address");
  }
  if (inbound.tags?.[tag.service] === undefined) yield violation(keyed(`${path}.tags`, tag.service), "tag has to exist");
  yield* validateProtocolTag(`${path}.tags`, inbound.tags);
  yield* validateTags(`${path}.tags`, inbound.tags);
  if (inbound.serviceProbe) yield* validateServiceProbe(`${path}.serviceProbe`, inbound.serviceProbe);
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
  if (isWritten(outbound.tags)) yield violation(path, "both backendRef and tags/service cannot be defined");
  yield* validateBackend(`${path}.backendRef`, backendRef);
  if (backendRef.kind !== "MeshExternalService") yield* validatePort(`${path}.backendRef.port`, backendRef.port);
}

function* validateBackend(path: string, ref: { kind: string; name?: string; labels?: Record<string, string> }): Violations {
  if (!backendKinds.includes(ref.kind)) yield violation(`${path}.kind`, `invalid value. Available values are: ${backendKinds.join(",")}`);
  if (!ref.name && !isWritten(ref.labels)) yield violation(`${path}.name`, "either 'name' or 'labels' should be specified");
}

/** The misspelt path is what existing clients get to see. */
function* validateTransparentProxying(proxying: TransparentProxying): Violations {
  for (const [index, ref] of (proxying.reachableBackends?.refs ?? []).entries()) {
    const path = at("networking.transparentProxing.reachableBackends.refs", index);
    yield* validateBackend(path, ref);
    if (ref.name && isWritten(ref.labels)) yield violation(`${path}.labels`, "labels cannot be defined when name is specified");
    if (ref.namespace && !ref.name) yield violation(`${path}.name`, "name has to be defined when namespace is specified");
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
