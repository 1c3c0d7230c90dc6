import type { Snapshot } from "./snapshot.ts";

interface Node {
  snapshot: Snapshot | undefined;
  ackedRevision: number;
  /** While advances pass it by: the revision that its snapshot is right for. */
  heldAt: number | undefined;
  readonly listeners: Set<(snapshot: Snapshot) => void>;
}

/** The newest snapshot of every node, and what each node has applied of it. */
export class SnapshotCache {
  readonly #nodes = new Map<string, Node>();
  readonly #changed = new Set<string>();
  #advanced = 0;

  /** Replaces a node's snapshot. Watchers are woken once after all changes of the current tick, with the newest snapshot. */
  set(nodeId: string, snapshot: Snapshot): void {
    const node = this.#node(nodeId);
    node.ackedRevision = acknowledged(node, this.#advanced);
    node.heldAt = undefined;
    node.snapshot = snapshot;
    if (this.#changed.size === 0) queueMicrotask(() => this.#wake());
    this.#changed.add(nodeId);
  }

  /**
   * The snapshots of all nodes but those that are held are right for this revision, too. Costs the same however many there are; watchers are
   * not woken, because nothing is to be sent.
   */
  advance(revision: number): void {
    this.#advanced = Math.max(this.#advanced, revision);
  }

  /** Lets advances pass the node by, until its next snapshot or `release`. */
  hold(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node?.snapshot !== undefined) node.heldAt ??= rightFor(node, node.snapshot, this.#advanced);
  }

  /** The node's snapshot has turned out to be right for all advances until now. */
  release(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) node.heldAt = undefined;
  }

  /** The revision that the node's snapshot is right for: its own, or what was advanced to since; 0 without one. */
  revision(nodeId: string): number {
    const node = this.#nodes.get(nodeId);
    return node?.snapshot === undefined ? 0 : rightFor(node, node.snapshot, this.#advanced);
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
    node.heldAt = undefined;
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
    const node = this.#nodes.get(nodeId);
    return node === undefined ? 0 : acknowledged(node, this.#advanced);
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
      node = { snapshot: undefined, ackedRevision: 0, heldAt: undefined, listeners: new Set() };
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

/** Who has acknowledged all of its snapshot is where that is right for. */
function acknowledged(node: Node, advanced: number): number {
  const { snapshot, ackedRevision } = node;
  return snapshot === undefined || ackedRevision < snapshot.revision ? ackedRevision : rightFor(node, snapshot, advanced);
}

const rightFor = ({ heldAt }: Node, { revision }: Snapshot, advanced: number): number => Math.max(revision, heldAt ?? advanced);
