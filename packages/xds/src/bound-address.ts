import { fromBinary } from "@bufbuild/protobuf";
import { typeUrls } from "@atoll/envoy-api";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { HeldResource } from "./push.ts";
import type { EncodedResource } from "./snapshot.ts";

// A resource is immutable and shared by many snapshots, so it is looked into once.
const found = new WeakMap<EncodedResource, string | null>();

/** Where a listener binds, in words that are equal for the same place; undefined for one that binds nothing and for other types. */
export function boundAddress(resource: EncodedResource): string | undefined {
  if (resource.typeUrl !== typeUrls.listener) return undefined;
  let bound = found.get(resource);
  if (bound === undefined) {
    bound = read(resource.bytes) ?? null;
    found.set(resource, bound);
  }
  return bound ?? undefined;
}

function read(bytes: Uint8Array): string | undefined {
  const { address, bindToPort } = fromBinary(ListenerSchema, bytes);
  if (bindToPort === false || address?.address.case !== "socketAddress") return undefined;
  const { protocol, address: host, portSpecifier } = address.address.value;
  return `${protocol} ${host} ${portSpecifier.value}`;
}

/**
 * Of the listeners that are gone, those that hold the place where one of `upserts` binds: Envoy refuses two listeners of one address, and hands
 * the socket on if it learns of both changes in one response. One of which only the version is known may be such.
 */
export function replacedBy(
  upserts: ReadonlyMap<string, EncodedResource>,
  gone: Iterable<string>,
  held: ReadonlyMap<string, HeldResource>,
): string[] {
  const names = [...gone];
  if (names.length === 0) return [];
  const bound = new Set([...upserts.values()].flatMap((resource) => boundAddress(resource) ?? []));
  if (bound.size === 0) return [];
  return names.filter((name) => {
    const present = held.get(name);
    if (present?.bytes === undefined) return true;
    const place = boundAddress(present as EncodedResource);
    return place !== undefined && bound.has(place);
  });
}
