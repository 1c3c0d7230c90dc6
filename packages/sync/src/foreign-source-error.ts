/**
 * Upstream's configuration log is not the one that this zone's copy was made from, or has lost records the copy has. The zone goes on
 * serving what it has: to follow the new one, an operator deletes the zone's copy.
 */
export class ForeignSourceError extends Error {
  override readonly name = "ForeignSourceError";
}
