import { parseProtocol as parseKnown } from "@atoll/resource";
import type { Protocol as KnownProtocol } from "@atoll/resource";

export { commonProtocol } from "@atoll/resource";

export type Protocol = KnownProtocol | "unknown";

export const parseProtocol = (text: string | undefined): Protocol => parseKnown(text ?? "") ?? "unknown";

export const isHttp = (protocol: Protocol): boolean => protocol === "http" || protocol === "http2" || protocol === "grpc";

/** Upstream protocol of an external service, by the protocol it declares. */
export const upstreamHttp = (protocol: Protocol): "http1" | "http2" | undefined =>
  protocol === "http" ? "http1" : protocol === "http2" || protocol === "grpc" ? "http2" : undefined;
