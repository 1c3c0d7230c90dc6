import { bool, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { tagMap } from "./common.ts";
import { adminSpec } from "./dataplane.ts";

const availableService = message({ tags: need(tagMap), instances: uint32, mesh: need(string), externalService: bool });
/** What a zone offers to others: the number of healthy instances with equal tags in one mesh. */
export type AvailableService = Value<typeof availableService>;

export const zoneIngressSpec = message({
  zone: string,
  networking: need(
    message({ address: need(string), advertisedAddress: string, port: need(uint32), advertisedPort: uint32, admin: adminSpec }),
  ),
  availableServices: list(availableService),
});
export type ZoneIngressSpec = Value<typeof zoneIngressSpec>;

export const zoneEgressSpec = message({
  zone: string,
  networking: need(message({ address: need(string), port: need(uint32), admin: adminSpec })),
});
export type ZoneEgressSpec = Value<typeof zoneEgressSpec>;
