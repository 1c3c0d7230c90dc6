/** What a client wants of one type on one stream. */
export interface Subscription {
  readonly wildcard: boolean;
  /** Names asked for one by one; they are wanted whether or not the wildcard is. */
  readonly names: ReadonlySet<string>;
  /** Whether the client has ever named anything: from then on an empty list no longer means "all". */
  readonly named: boolean;
}

export interface SubscriptionChange {
  readonly subscription: Subscription;
  /** Names that must be answered even if the client was sent that very version before, or if there is no such resource. */
  readonly owed: readonly string[];
}

const wildcardName = "*";

export function wants(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/**
 * The subscription after a request of incremental xDS. `allByDefault` tells whether this type knows the older way of asking for
 * everything: a first request without names.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
export function changeDelta(
  before: Subscription | undefined,
  request: { readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[] },
  allByDefault: boolean,
): SubscriptionChange {
  const names = new Set(before?.names);
  let wildcard = before?.wildcard ?? (allByDefault && request.subscribe.length === 0);
  const owed = new Set<string>();
  for (const name of request.subscribe) {
    if (name === wildcardName) {
      wildcard = true;
    } else {
      names.add(name);
      owed.add(name);
    }
  }
  for (const name of request.unsubscribe) {
    if (name === wildcardName) {
      wildcard = false;
    } else if (names.delete(name)) {
      owed.delete(name);
      // The client has dropped it, yet "*" still covers it: it has to be told again, or told that there is none.
      if (wildcard) owed.add(name);
    }
  }
  return { subscription: { wildcard, names, named: (before?.named ?? false) || request.subscribe.length > 0 }, owed: [...owed] };
}

/** The subscription after a request of state-of-the-world xDS, whose list of names replaces the one before. */
export function changeSotw(before: Subscription | undefined, names: readonly string[], allByDefault: boolean): SubscriptionChange {
  if (names.length === 0) {
    const named = before?.named ?? false;
    return { subscription: { wildcard: !named && allByDefault, names: new Set(), named }, owed: [] };
  }
  const wildcard = names.includes(wildcardName);
  return { subscription: { wildcard, names: new Set(names.filter((name) => name !== wildcardName)), named: true }, owed: [] };
}

export function equalSubscriptions(a: Subscription, b: Subscription): boolean {
  return (
    a.wildcard === b.wildcard && a.named === b.named && a.names.size === b.names.size && [...a.names].every((name) => b.names.has(name))
  );
}
