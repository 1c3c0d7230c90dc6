/** Of `GET /revisions`. */
export interface RevisionEntry {
  revision: number;
  /** RFC 3339. */
  at: string;
  author: string;
  reason?: string;
  accepted: boolean;
  changes: { op: "put" | "delete"; key: string }[];
}

/** `change` of the change feed: what the revision did, after everything that followed from it. */
export type FeedChange = Omit<RevisionEntry, "accepted">;

/** Of `GET /diff`. */
export interface ResourceChange {
  key: string;
  change: "created" | "updated" | "deleted";
  before?: object;
  after?: object;
}

/** Of `GET /revisions/R/status`: where a revision is in force. */
export interface RevisionStatus {
  revision: number;
  /** Every live proxy of every zone has acknowledged the revision. */
  done: boolean;
  /**
   * `applied` is the minimum over the zone's live proxies, null without any. `held`: by whose decision the zone, although its proxies are
   * there, has something else than the revision says.
   */
  zones: { name: string; proxies: number; applied: number | null; done: boolean; held?: string }[];
}

/** `Type/mesh/name` as people read it: without the empty mesh of what has none. */
export const shortKey = (key: string): string => key.replace("//", "/");
