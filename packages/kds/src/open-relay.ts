import { RelayLog } from "@atoll/event-log";
import type { RelayLogOptions } from "@atoll/event-log";
import { parseEndpoint } from "./endpoint.ts";
import type { EndpointOptions } from "./endpoint.ts";

export type RelayEndpointOptions = EndpointOptions & Omit<RelayLogOptions, "address" | "credentials" | "channelOptions">;

/** A relay's log without registration: for services that hold the global key, whose token is `deriveServiceBearer`. */
export function openRelay({ address, tls, ...options }: RelayEndpointOptions): RelayLog {
  const { target, ...channel } = parseEndpoint({ address, tls });
  return new RelayLog({ ...options, ...channel, address: target });
}
