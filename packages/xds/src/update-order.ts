import { typeUrls } from "@atoll/envoy-api";

/** How resources of one type are brought to a client. */
export interface UpdateRule {
  readonly typeUrl: string;
  /** Upserts of this type wait until the client has answered those of these types: traffic never moves to what is not there yet. */
  readonly after: readonly string[];
  /** An empty first request means "all of this type", and a state-of-the-world response is the whole state. */
  readonly wholeState: boolean;
}

const { cluster, endpoint, listener, route, scopedRoute, virtualHost, secret, runtime, extensionConfig } = typeUrls;
const destinations = [cluster, endpoint];

/**
 * Make before break (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations):
 * upserts go in this order.
 */
export const updateOrder: readonly UpdateRule[] = [
  { typeUrl: cluster, after: [], wholeState: true },
  { typeUrl: endpoint, after: [], wholeState: false },
  { typeUrl: listener, after: destinations, wholeState: true },
  { typeUrl: route, after: destinations, wholeState: false },
  { typeUrl: scopedRoute, after: destinations, wholeState: false },
  { typeUrl: virtualHost, after: destinations, wholeState: false },
  { typeUrl: secret, after: [], wholeState: false },
  { typeUrl: runtime, after: [], wholeState: false },
  { typeUrl: extensionConfig, after: [], wholeState: false },
];

/** Removals go last, users before what they use. */
export const removalOrder: readonly string[] = [
  listener,
  scopedRoute,
  route,
  virtualHost,
  cluster,
  endpoint,
  secret,
  runtime,
  extensionConfig,
];

const rules = new Map(updateOrder.map((rule) => [rule.typeUrl, rule]));

/** The rule of a type; one that the table does not list is independent of the others. */
export function updateRule(typeUrl: string): UpdateRule {
  return rules.get(typeUrl) ?? { typeUrl, after: [], wholeState: false };
}

const updateRanks = new Map(updateOrder.map((rule, rank) => [rule.typeUrl, rank]));
const removalRanks = new Map(removalOrder.map((typeUrl, rank) => [typeUrl, rank]));

export function compareForUpdate(a: string, b: string): number {
  return (updateRanks.get(a) ?? updateRanks.size) - (updateRanks.get(b) ?? updateRanks.size);
}

export function compareForRemoval(a: string, b: string): number {
  return (removalRanks.get(a) ?? removalRanks.size) - (removalRanks.get(b) ?? removalRanks.size);
}
