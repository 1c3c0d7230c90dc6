/** Who is on the other end of a KDS connection, by its credential. */
export type KdsIdentity =
  /** A service of a zone, by a cp-scoped zone token. */
  | { type: "zone"; zone: string }
  /** A service that holds the global key. */
  | { type: "internal" };

export const describeIdentity = (identity: KdsIdentity): string =>
  identity.type === "zone" ? `zone ${identity.zone}` : "an internal service";
