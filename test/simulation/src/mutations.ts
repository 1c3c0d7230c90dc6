/** A bug put in by hand: a stretch of a source of the product, and what stands there instead. */
export interface Mutation {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The simulation has to find each of these: `npm run simulate -- --mutations`. */
export const mutations: readonly Mutation[] = [
  {
    name: "an append is acknowledged without a sync",
    file: "packages/event-log/src/journal-sync.ts",
    from: "return new Promise((resolve, reject) => fdatasync(file, (error) => (error ? reject(error) : resolve())));",
    to: "return Promise.resolve();",
  },
  {
    name: "the fold forgets preconditions",
    file: "packages/replica/src/fold.ts",
    from: "if (actual !== expected) {",
    to: "if (actual !== expected && expected === -1) {",
  },
  {
    name: "the fold drops tombstones",
    file: "packages/replica/src/fold.ts",
    from: "if (current(key)) pending.set(keyString(key), { key, resource: null });",
    to: "",
  },
  {
    name: "a change set is applied but for its last change",
    file: "packages/replica/src/fold.ts",
    from: "for (const change of changeSet.changes) {",
    to: "for (const change of changeSet.changes.slice(0, Math.max(1, changeSet.changes.length - 1))) {",
  },
  {
    name: "a repeated append counts again",
    file: "packages/replica/src/fold.ts",
    from: "if (earlier) return",
    to: "if (earlier && revision < 0) return",
  },
  {
    name: "a reader that connects again leaves a record out",
    file: "packages/event-log/src/relay-log.ts",
    from: "const stream = this.openRead(topic, position, incarnation);",
    to: "const stream = this.openRead(topic, position > 0 && incarnation !== '' ? position + 1 : position, incarnation);",
  },
  {
    name: "a topic that lost records keeps its incarnation",
    file: "packages/event-log/src/unsynced-topics.ts",
    from: "for (const { topic } of crashed)",
    to: "for (const { topic } of crashed.slice(crashed.length))",
  },
  {
    name: "a copy is continued whatever its source has become",
    file: "packages/event-log/src/mirror-topic.ts",
    from: 'if (target.head > 0 && target.incarnation !== incarnation) because ??= "the source was made anew";',
    to: "",
  },
  {
    name: "the claim of a writer counts whatever came since",
    file: "packages/sync/src/zone-lease.ts",
    from: "if (record.follows !== state.offset || term <= state.term) return state;",
    to: "if (term < state.term) return state;",
  },
  {
    name: "a deposed writer's renewal replaces its successor's",
    file: "packages/sync/src/zone-lease.ts",
    from: '`${op === "claim" ? "claim" : "lease"}/${writer.instance}`',
    to: '(op === "claim" ? `claim/${writer.instance}` : "lease")',
  },
  {
    name: "a checkpoint is not synced",
    file: "services/zone/src/zone-key.ts",
    from: "await file.sync();",
    to: "",
  },
  {
    name: "sent counts as applied",
    file: "packages/xds/src/session.ts",
    from: "const applied = this.#appliedRevision(this.#snapshot);",
    to: "const applied: number | undefined = this.#snapshot.revision;",
  },
  {
    name: "listeners and routes do not wait for clusters",
    file: "packages/xds/src/session.ts",
    from: "const { after } = updateRule(type.typeUrl);",
    to: "return true;\n    const { after } = updateRule(type.typeUrl);",
  },
  {
    name: "clusters are removed before what uses them",
    file: "packages/xds/src/update-order.ts",
    from: "  listener,\n  scopedRoute,\n  route,\n  virtualHost,\n  cluster,",
    to: "  cluster,\n  listener,\n  scopedRoute,\n  route,\n  virtualHost,",
  },
  {
    name: "another replica's removal takes a connected proxy away",
    file: "packages/dp-server/src/proxy-lifecycle.ts",
    from: "else this.#registerAgain(live);",
    to: "",
  },
  {
    name: "a proxy is removed without delay or regard when its stream ends",
    file: "packages/dp-server/src/proxy-lifecycle.ts",
    from: "  #stay(nodeId: string): void {",
    to: "  #stay(nodeId: string): void {\n    if (nodeId !== '') return;",
  },
  {
    name: "a change wakes no proxy",
    file: "packages/xds/src/snapshot-cache.ts",
    from: "if (this.#changed.size === 0) queueMicrotask(() => this.#wake());",
    to: "",
  },
  {
    name: "a replica that rebuilds begins where it was",
    file: "packages/replica/src/config-replica.ts",
    from: "position: () => this.#state.revision,",
    to: "position: () => this.#state.revision + (this.#state.revision % 16 === 15 ? 1 : 0),",
  },
  {
    name: "the disk that is full is not said",
    file: "packages/event-log/src/embedded-log.ts",
    from: "for (const write of group) write.reject(failure);",
    to: "for (const write of group) write.resolve([0] as never);",
  },
  {
    name: "a zone that lost its session does not dial again",
    file: "packages/kds/src/connect-zone.ts",
    from: "await pause(delayMs, this.waiting.signal);",
    to: "await pause(delayMs > 1_000 ? 1e9 : delayMs, this.waiting.signal);",
  },
];

/** The source of the file with the mutation in it. @throws Error if the product is not as the mutation says */
export function mutated({ name, file, from, to }: Mutation, source: string): string {
  if (source.split(from).length !== 2) throw new Error(`mutation "${name}": ${file} has not exactly one "${from}"`);
  return source.replace(from, () => to);
}
