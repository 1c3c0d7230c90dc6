/** What a connection ended with, by the code of Node or OpenSSL, and what it says to whoever gave the address. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused: nothing listens there",
  ECONNRESET: "the other side closed the connection",
  EPIPE: "the other side closed the connection",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to this host",
  ENETUNREACH: "no route to this network",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name could not be resolved",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other names than the one in the address",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself, and not the one it has to be verified with",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by a CA other than the one it has to be verified with",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by a CA other than the one it has to be verified with",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by a CA other than the one it has to be verified with",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by a CA other than the one it has to be verified with",
  CERT_SIGNATURE_FAILURE: "its certificate is signed by a CA other than the one it has to be verified with",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  EPROTO: "it does not speak TLS: is the port right, or should the address start with http://?",
  "no application protocol": "it speaks no HTTP over TLS: is the port right?",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a client certificate",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "it refused the TLS connection",
};

/** Codes of what a server says instead of HTTP. */
const noHttp = /^(HPE_|UND_ERR_INVALID|ERR_INVALID_PROTOCOL)/;

/** Why a request got no answer, in words that do not ask for knowledge of Node; its own code follows in brackets. */
export function networkFault(error: unknown): string {
  const root = rootOf(error);
  const { code = "", address, hostname, port } = root as NodeJS.ErrnoException & { address?: string; hostname?: string; port?: number };
  // What OpenSSL says of a handshake is in the text alone.
  const [, said = ""] = /SSL routines:[^:]*:([^:]+):/.exec(root.message) ?? [];
  const reason = noHttp.test(code)
    ? "what it answers is no HTTP: is the port right, or should the address start with https://?"
    : (reasons[said.replace(/^.*alert /, "")] ?? reasons[code]);
  if (reason === undefined) return root.message;
  const place = address === undefined ? (hostname ?? "") : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return `${reason} (${[code, place].filter((part) => part !== "").join(" ")})`;
}

/** fetch hides the error in its cause, and a name with several addresses in a list. */
function rootOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return rootOf(error.cause);
  return error instanceof Error ? error : new Error(String(error));
}
