import { parseProtocol as parseKnown } from "@atoll/resource";
import type { Protocol as KnownProtocol } from "@atoll/resource";

export type Protocol = KnownProtocol | "unknown";

/** What each protocol may be taken for, the most particular first. */
const stacks: Partial<Record<Protocol, Protocol[]>> = {
  grpc: ["grpc", "http2", "tcp"],
  http2: ["http2", "tcp"],
  http: ["http", "tcp"],
  kafka: ["kafka", "tcp"],
  tcp: ["tcp"],
};

export const parseProtocol = (text: string | undefined): Protocol => parseKnown(text ?? "") ?? "unknown";

/** The most particular protocol that all of them speak; one that is unknown makes the result unknown. */
export function commonProtocol(protocols: Iterable<Protocol>): Protocol {
  let common: Protocol | undefined;
  for (const protocol of protocols) {
    if (common === undefined || common === protocol) common = protocol;
    else common = stacks[common]?.find((candidate) => stacks[protocol]?.includes(candidate)) ?? "unknown";
  }
  return common ?? "unknown";
}

export const isHttp = (protocol: Protocol): boolean => protocol === "http" || protocol === "http2" || protocol === "grpc";

/** Upstream protocol of an external service, by the protocol it declares. */
export const upstreamHttp = (protocol: Protocol): "http1" | "http2" | undefined =>
  protocol === "http" ? "http1" : protocol === "http2" || protocol === "grpc" ? "http2" : undefined;
