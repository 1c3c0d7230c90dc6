/** Of `GET /tokens`. */
export interface ListedToken {
  jti: string;
  kind: string;
  /** "" = any. */
  subject: string;
  mesh?: string;
  author: string;
  /** RFC 3339. */
  issuedAt: string;
  expiresAt: string;
  state: "valid" | "expired" | "revoked";
}
