import type { ZoneEgressSpec, ZoneIngressSpec } from "../specs/zone-proxy.ts";
import { validateTags } from "./tags.ts";
import { includesLoopback, validateAddress, validatePort } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const adminPortTaken = violation("networking.admin.port", "must differ from port");

/** The doubled and the singular path segments are what existing clients get to see. */
export function* validateZoneIngress(spec: ZoneIngressSpec): Violations {
  const { address, advertisedAddress, port, advertisedPort, admin }: Partial<ZoneIngressSpec["networking"]> = spec.networking ?? {};
  const adminPort = admin?.port;
  if (adminPort !== undefined && (collides(adminPort, address, port) || collides(adminPort, advertisedAddress, advertisedPort))) {
    yield adminPortTaken;
  }
  if (advertisedAddress === undefined && advertisedPort !== undefined) {
    yield violation("networking.advertisedAddress", "has to be defined with advertisedPort");
  }
  if (advertisedPort === undefined && advertisedAddress !== undefined) {
    yield violation("networking.advertisedPort", "has to be defined with advertisedAddress");
  }
  yield* validateAddress("networking.address.address", address);
  if (advertisedAddress !== undefined) yield* validateAddress("networking.advertisedAddress.address", advertisedAddress);
  yield* validatePort("networking.port", port);
  if (advertisedPort !== undefined) yield* validatePort("networking.advertisedPort", advertisedPort);
  for (const [index, service] of (spec.availableServices ?? []).entries()) {
    yield* validateTags(`${at("availableService", index)}.tags`, service.tags, { service: "required" });
  }
}

export function* validateZoneEgress(spec: ZoneEgressSpec): Violations {
  const { address, port, admin }: Partial<ZoneEgressSpec["networking"]> = spec.networking ?? {};
  if (admin?.port !== undefined && collides(admin.port, address, port)) yield adminPortTaken;
  yield* validateAddress("networking.address.address", address);
  yield* validatePort("networking.port", port);
}

/** Envoy's admin listens on the loopback address. */
const collides = (adminPort: number, address: string | undefined, port: number | undefined): boolean =>
  adminPort === port && address !== undefined && includesLoopback(address);
