import { buildProxyView, MeshContexts, type ProxyView } from "@atoll/view";
import { SnapshotCache } from "@atoll/xds";
import { expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { ViewEncoder, type EncodedResources } from "../src/view-encoder.ts";
import { withoutDangling } from "../src/without-dangling.ts";
import { proxies, RandomWorld } from "./random-world.ts";

/** Certificates are kept out of it: none of these compilers has a CA. */
function compilerOf({ config, zone, inventory }: RandomWorld): { cache: SnapshotCache; compiler: Compiler } {
  const cache = new SnapshotCache();
  const report = (error: unknown) => {
    if (!/no CA|not found/.test((error as Error).message)) throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError: report });
  // As if every secret were there.
  materials.resolve = () => ({ resources: [], pending: [], failed: [] });
  // Nobody takes long, and so nobody rests: what is made is the question here, not when.
  const clock = () => 0;
  const compiler = new Compiler({ zone: "zone-1", config, zoneResources: zone, inventory, materials, cache, onError: report, clock });
  for (const [nodeId, ref] of proxies) compiler.connect(nodeId, ref);
  return { cache, compiler };
}

type Content = Record<string, string[]>;

/** The version of a resource is a hash of its bytes. */
const namesOf = (resources: ReadonlyMap<string, ReadonlyMap<string, { name: string; version: string }>> | undefined): string[] =>
  [...(resources ?? [])]
    .flatMap(([typeUrl, named]) => [...named.values()].map(({ name, version }) => `${typeUrl}/${name}@${version}`))
    .sort();

const followedContent = (cache: SnapshotCache): Content =>
  Object.fromEntries(proxies.map(([nodeId]) => [nodeId, namesOf(cache.get(nodeId)?.resources)]));

const encoder = new ViewEncoder();
const known = new Map<string, object>();

/** Bytes follow from the content of a part, so parts of equal content are encoded once in all of the sequences. */
function intern<Part extends object>(kind: string, parts: readonly Part[]): Part[] {
  return parts.map((part) => {
    const text = `${kind} ${JSON.stringify(part)}`;
    let first = known.get(text);
    if (first === undefined) known.set(text, (first = part));
    return first as Part;
  });
}

/** What contexts that remember nothing make of the state as it is. */
function freshContent({ config, zone, inventory }: RandomWorld): Content {
  const addresses = new Map<string, string>();
  const contexts = new MeshContexts({ zone: "zone-1", config, zoneResources: zone, inventory }, { addresses });
  return Object.fromEntries(
    proxies.map(([nodeId, ref]) => {
      const view = buildProxyView(contexts, ref)!;
      const parts: Partial<ProxyView> = {
        clusters: intern("cluster", view.clusters),
        endpoints: intern("endpoints", view.endpoints),
        listeners: intern("listener", view.listeners),
        routes: intern("routes", view.routes),
        runtimes: intern("runtime", view.runtimes),
      };
      const resources: EncodedResources = encoder.encode({ ...view, ...parts }).resources;
      withoutDangling(resources);
      return [nodeId, namesOf(resources)];
    }),
  );
}

/** Sequences for each seed; those of one go on from where the one before left the world. */
const sequences = 100;

test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
  "after any sequence of changes a compiler that followed has, byte for byte, what is made of the result anew (seed %i)",
  async (seed) => {
    const world = new RandomWorld(seed);
    const { cache, compiler } = compilerOf(world);
    let different = 0;
    let before = "";
    for (let sequence = 1; sequence <= sequences; sequence++) {
      for (let left = 1 + world.pick(4); left > 0; left--) {
        await world.change();
        // Some changes meet in one round, others are built before the next.
        if (world.pick(2) === 0) await compiler.settled();
      }
      await compiler.settled();
      const content = followedContent(cache);
      expect(content, `sequence ${sequence}`).toEqual(freshContent(world));
      const text = JSON.stringify(content);
      if (text !== before) different++;
      before = text;
    }
    // Many policies select nobody; a good part of the changes has to reach somebody.
    expect(different).toBeGreaterThan(sequences / 3);
    expect(Object.values(followedContent(cache)).every((content) => content.length > 0)).toBe(true);
    compiler.close();
  },
);

test("a compiler that starts has what one has that followed", async () => {
  const world = new RandomWorld(7);
  const followed = compilerOf(world);
  for (let turn = 0; turn < 60; turn++) await world.change();
  const started = compilerOf(world);
  await Promise.all([followed.compiler.settled(), started.compiler.settled()]);
  expect(followedContent(followed.cache)).toEqual(followedContent(started.cache));
  for (const { compiler } of [followed, started]) compiler.close();
});
