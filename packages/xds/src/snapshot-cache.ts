import type { Snapshot } from "./snapshot.ts";

interface Node {
  snapshot: Snapshot | undefined;
  ackedRevision: number;
  readonly listeners: Set<(snapshot: Snapshot) => void>;
}

/** The newest snapshot of every node, and what each node has applied of it. */
export class SnapshotCache {
  readonly #nodes = new Map<string, Node>();
  readonly #changed = new Set<string>();

  /** Replaces a node's snapshot. Watchers are woken once after all changes of the current tick, with the newest snapshot. */
  set(nodeId: string, snapshot: Snapshot): void {
    this.#node(nodeId).snapshot = snapshot;
    if (this.#changed.size === 0) queueMicrotask(() => this.#wake());
    this.#changed.add(nodeId);
  }

  get(nodeId: string): Snapshot | undefined {
    return this.#nodes.get(nodeId)?.snapshot;
  }

  /** Forgets a node's snapshot and revision. A connected client keeps what it has: absence is never deletion. */
  clear(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    node.snapshot = undefined;
    node.ackedRevision = 0;
    this.#release(nodeId, node);
  }

  /** Calls back with each new snapshot of the node, not with the present one. Returns how to stop. */
  watch(nodeId: string, listener: (snapshot: Snapshot) => void): () => void {
    const node = this.#node(nodeId);
    node.listeners.add(listener);
    return () => {
      node.listeners.delete(listener);
      this.#release(nodeId, node);
    };
  }

  /** The highest revision whose resources the node has all acknowledged on its present or last stream; 0 if none. */
  ackedRevision(nodeId: string): number {
    return this.#nodes.get(nodeId)?.ackedRevision ?? 0;
  }

  /** For the server that serves the node. */
  setAckedRevision(nodeId: string, revision: number): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) node.ackedRevision = revision;
  }

  nodeIds(): string[] {
    return [...this.#nodes].flatMap(([nodeId, node]) => (node.snapshot === undefined ? [] : [nodeId]));
  }

  #node(nodeId: string): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = { snapshot: undefined, ackedRevision: 0, listeners: new Set() };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  #release(nodeId: string, node: Node): void {
    if (node.snapshot === undefined && node.listeners.size === 0 && this.#nodes.get(nodeId) === node) this.#nodes.delete(nodeId);
  }

  #wake(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const nodeId of changed) {
      const node = this.#nodes.get(nodeId);
      if (node?.snapshot === undefined) continue;
      for (const listener of [...node.listeners]) listener(node.snapshot);
    }
  }
}
