/** One Envoy resource, encoded once and shared by every snapshot that holds it. */
export interface EncodedResource {
  name: string;
  typeUrl: string;
  /** The encoded google.protobuf.Any value. */
  bytes: Uint8Array;
  /** Content hash; the xDS version of the resource. */
  version: string;
}

/** Immutable complete set of Envoy resources of one node. */
export interface Snapshot {
  /** Highest revision of the configuration this was built from. */
  readonly revision: number;
  /** typeUrl -> name -> resource. */
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, EncodedResource>>;
}
