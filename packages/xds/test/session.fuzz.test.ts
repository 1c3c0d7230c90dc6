import { expect, it } from "vitest";
import type { EncodedResource, Protocol, Snapshot } from "../src/index.ts";
import { CDS, EDS, LDS, RDS, cluster, endpoints, listener, route, snapshot } from "./fixtures.ts";
import { ModelClient } from "./model-client.ts";

/** A small generator, so that a seed names a run. https://en.wikipedia.org/wiki/Xorshift */
function random(seed: number): (below: number) => number {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function randomSnapshot(revision: number, pick: (below: number) => number): Snapshot {
  const resources: EncodedResource[] = [cluster("c0", 1 + pick(2)), endpoints("c0", 1 + pick(3))];
  for (const name of ["c1", "c2", "c3"]) if (pick(2)) resources.push(cluster(name, 1 + pick(2)), endpoints(name, 1 + pick(3)));
  const clusters = resources.filter(({ typeUrl }) => typeUrl === CDS);
  for (const name of ["l0", "l1", "l2"]) {
    if (pick(3)) resources.push(listener(name, 1 + pick(2)), route(name, clusters[pick(clusters.length)]?.name ?? "c0", `h${pick(2)}`));
  }
  return snapshot(revision, ...resources);
}

/** What the client has accepted of a type, and what it should have. */
function compare(client: ModelClient, wanted: Snapshot, typeUrl: string): [held: string[], wanted: string[]] {
  const lines = (entries: Iterable<[string, { version: string }]>) =>
    Array.from(entries, ([name, { version }]) => `${name} ${version}`).sort();
  return [lines(client.session.types.get(typeUrl)?.held ?? []), lines(wanted.resources.get(typeUrl) ?? [])];
}

function run(protocol: Protocol, seed: number, piece?: number): void {
  const pick = random(seed);
  const client = new ModelClient(protocol, undefined, piece);
  let revision = 1;
  let newest = randomSnapshot(revision, pick);
  client.offer(newest).subscribe(CDS).settle().subscribe(LDS).settle();
  for (let step = 0; step < 60; step += 1) {
    const action = pick(10);
    if (action < 4) {
      revision += 1;
      newest = randomSnapshot(revision, pick);
      client.offer(newest);
    } else if (action === 4) {
      client.release();
    } else if (client.unanswered.length > 0) {
      // Now and then the client refuses, blaming one or nobody.
      const names = [...(client.unanswered[0]?.upserts.keys() ?? [])];
      if (pick(6) > 0) client.answer();
      else if (pick(2)) client.nack("no reason");
      else client.nack(`Error adding/updating cluster(s) ${names[pick(names.length || 1)]}: bad`);
    }
    // One, and those that it was allowed to overtake.
    expect(client.unanswered.filter(({ typeUrl }) => typeUrl === CDS).length).toBeLessThan(10);
    expect(client.applied).toBeLessThanOrEqual(revision);
  }
  client.settle();
  // Whatever was refused on the way is mended by new content, and then the client has exactly the newest state.
  const mended = [cluster("c0", 7), endpoints("c0", 7), cluster("c1", 7), endpoints("c1", 7), listener("l0", 7), route("l0", "c1", "h7")];
  newest = snapshot(revision + 1, ...mended);
  client.offer(newest).settle();
  expect(client.applied).toBe(revision + 1);
  for (const typeUrl of [CDS, EDS, LDS, RDS]) {
    const [held, wanted] = compare(client, newest, typeUrl);
    expect(held).toEqual(wanted);
  }
}

it.each(["delta", "sotw"] as const)("%s: a client that answers at random ends with the newest state", (protocol) => {
  for (let seed = 1; seed <= 150; seed += 1) run(protocol, seed);
});

it.each([1, 2])("delta in pieces of %i: such a client ends with the newest state, too", (piece) => {
  for (let seed = 1; seed <= 150; seed += 1) run("delta", seed, piece);
});
