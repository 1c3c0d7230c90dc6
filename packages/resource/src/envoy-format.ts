/** A text in which every percent sign is doubled or part of a command operator, such as %REQ(x-a)% or %START_TIME%. */
const wellFormed = /^(?:[^%]|%%|%[A-Z][A-Z0-9_]*(?:\([^()%]*\))?(?::\d+)?%)*$/s;
const operator = /%%|%([A-Z][A-Z0-9_]*)(\([^()%]*\))?(?::\d+)?%/g;

/** Whether Envoy reads the text as a format: if not, each of its percent signs means itself. */
export const isEnvoyFormat = (text: string): boolean => wellFormed.test(text);

/** Why Envoy takes no such format; undefined if it does, or if the text is none. `extra`: operators that are replaced before Envoy sees them. */
export function envoyFormatFault(text: string, extra: ReadonlySet<string> = new Set()): string | undefined {
  if (!isEnvoyFormat(text)) return undefined;
  for (const [written, name, parameter] of text.matchAll(operator)) {
    if (name === undefined || extra.has(name)) continue;
    if (!operators().has(name)) return `${written} is no command operator of Envoy`;
    if (needParameter.has(name) && (parameter === undefined || parameter === "()")) return `${written} needs a parameter`;
  }
  return undefined;
}

const needParameter = new Set(["REQ", "RESP", "TRAILER", "FILTER_STATE", "ENVIRONMENT", "QUERY_PARAM", "COMMON_DURATION"]);

/** Parts of names, whose products are the operators: those that some supported Envoy has. */
const named: [prefixes: string, names: string][] = [
  [
    "",
    "REQ RESP TRAILER PROTOCOL REQUESTED_SERVER_NAME RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_DURATION " +
      "RESPONSE_TX_DURATION REQUEST_DURATION REQUEST_TX_DURATION DURATION COMMON_DURATION ROUNDTRIP_DURATION START_TIME START_TIME_LOCAL EMIT_TIME " +
      "EMIT_TIME_LOCAL BYTES_RECEIVED BYTES_SENT BYTES_RETRANSMITTED PACKETS_RETRANSMITTED HOSTNAME ENVIRONMENT CONNECTION_ID " +
      "CONNECTION_TERMINATION_DETAILS STREAM_ID TRACE_ID SPAN_ID UNIQUE_ID LOCAL_REPLY_BODY ACCESS_LOG_TYPE GRPC_STATUS GRPC_STATUS_NUMBER " +
      "DYNAMIC_METADATA CLUSTER_METADATA METADATA FILTER_STATE FILTER_CHAIN_NAME VIRTUAL_CLUSTER_NAME ROUTE_NAME LISTENER_NAME PATH QUERY_PARAM " +
      "QUERY_PARAMS CUSTOM_FLAGS PER_REQUEST_STATE CEL COALESCE REQ_WITHOUT_QUERY REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES " +
      "RESPONSE_TRAILERS_BYTES TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT",
  ],
  [
    "DOWNSTREAM UPSTREAM",
    "REMOTE_ADDRESS REMOTE_ADDRESS_WITHOUT_PORT REMOTE_PORT LOCAL_ADDRESS LOCAL_ADDRESS_WITHOUT_PORT LOCAL_PORT LOCAL_URI_SAN LOCAL_DNS_SAN " +
      "LOCAL_IP_SAN PEER_URI_SAN PEER_DNS_SAN PEER_IP_SAN PEER_SUBJECT PEER_ISSUER PEER_CERT PEER_CERT_V_START PEER_CERT_V_END TLS_SESSION_ID " +
      "TLS_CIPHER TLS_VERSION TRANSPORT_FAILURE_REASON WIRE_BYTES_RECEIVED WIRE_BYTES_SENT HEADER_BYTES_RECEIVED HEADER_BYTES_SENT " +
      "DECOMPRESSED_HEADER_BYTES_RECEIVED DECOMPRESSED_HEADER_BYTES_SENT DETECTED_CLOSE_TYPE LOCAL_CLOSE_REASON",
  ],
  [
    "DOWNSTREAM",
    "DIRECT_REMOTE_ADDRESS DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DIRECT_REMOTE_PORT DIRECT_LOCAL_ADDRESS DIRECT_LOCAL_ADDRESS_WITHOUT_PORT " +
      "DIRECT_LOCAL_PORT LOCAL_ADDRESS_ENDPOINT_ID DIRECT_LOCAL_ADDRESS_ENDPOINT_ID LOCAL_EMAIL_SAN LOCAL_OTHERNAME_SAN LOCAL_SUBJECT PEER_EMAIL_SAN " +
      "PEER_OTHERNAME_SAN PEER_SERIAL PEER_FINGERPRINT_1 PEER_FINGERPRINT_256 PEER_CHAIN_FINGERPRINTS_1 PEER_CHAIN_FINGERPRINTS_256 " +
      "PEER_CHAIN_SERIALS PEER_ISSUER_FINGERPRINT_256 PEER_ISSUER_SERIAL TLS_GROUP HANDSHAKE_DURATION CX_RTT",
  ],
  [
    "UPSTREAM",
    "METADATA FILTER_STATE HOST HOST_NAME HOST_NAME_WITHOUT_PORT CLUSTER CLUSTER_RAW REQUEST_ATTEMPT_COUNT HOSTS_ATTEMPTED " +
      "HOSTS_ATTEMPTED_WITHOUT_PORT HOST_NAMES_ATTEMPTED HOST_NAMES_ATTEMPTED_WITHOUT_PORT CONNECTION_IDS_ATTEMPTED CONNECTION_ID PROTOCOL " +
      "CONNECTION_POOL_READY_DURATION",
  ],
];

let known: Set<string> | undefined;

function operators(): ReadonlySet<string> {
  known ??= new Set(
    named.flatMap(([prefixes, names]) =>
      prefixes.split(" ").flatMap((prefix) => names.split(" ").map((name) => (prefix === "" ? name : `${prefix}_${name}`))),
    ),
  );
  return known;
}
