import type { Protocol } from "./tags.ts";

/** What each protocol may be taken for, the most particular first. */
const stacks: Partial<Record<Protocol | "unknown", (Protocol | "unknown")[]>> = {
  grpc: ["grpc", "http2", "tcp"],
  http2: ["http2", "tcp"],
  http: ["http", "tcp"],
  kafka: ["kafka", "tcp"],
  tcp: ["tcp"],
};

/** The most particular protocol that all of them speak; one that is unknown makes the result unknown. */
export function commonProtocol(protocols: Iterable<Protocol | "unknown">): Protocol | "unknown" {
  let common: Protocol | "unknown" | undefined;
  for (const protocol of protocols) {
    if (common === undefined || common === protocol) common = protocol;
    else common = stacks[common]?.find((candidate) => stacks[protocol]?.includes(candidate)) ?? "unknown";
  }
  return common ?? "unknown";
}
