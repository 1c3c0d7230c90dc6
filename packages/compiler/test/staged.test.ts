import { isInShare, valueDigest, ZoneInEffect } from "@atoll/replica";
import { keyString, parseDocument, type RolloutSpec } from "@atoll/resource";
import { buildProxyView, MeshContexts } from "@atoll/view";
import { SnapshotCache } from "@atoll/xds";
import { expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { ViewEncoder } from "../src/view-encoder.ts";
import { withoutDangling } from "../src/without-dangling.ts";
import { RandomPolicies } from "./random-policies.ts";
import { proxies, RandomWorld } from "./random-world.ts";

// While a roll-out has come to some of a zone's proxies, each has what is made of its own configuration, whatever else changes.

type Resources = ReadonlyMap<string, ReadonlyMap<string, { name: string; version: string }>>;
const versionsOf = (resources: Resources | undefined) =>
  [...(resources ?? [])].flatMap(([url, named]) => [...named.values()].map(({ name, version }) => `${url}/${name}@${version}`)).sort();

class StagedWorld {
  readonly world: RandomWorld;
  readonly inEffect: ZoneInEffect;
  readonly #policies: RandomPolicies;
  #turn = 10_000;

  constructor(seed: number) {
    this.world = new RandomWorld(seed);
    this.inEffect = new ZoneInEffect("zone-1", this.world.config);
    this.#policies = new RandomPolicies((below) => this.world.pick(below));
  }

  /** Begins a roll-out, takes it further, or ends it. */
  step(): void {
    const { config } = this.world;
    const rollout = config.get<RolloutSpec>("Rollout", "", "r");
    const put = (spec: RolloutSpec) => config.putDrafts({ type: "Rollout", mesh: "", name: "r", spec });
    if (rollout?.spec.state !== "running") return put(this.#start());
    const { spec } = rollout;
    if (this.world.pick(3) > 0 && spec.stage < spec.stages.length - 1) return put({ ...spec, stage: spec.stage + 1 });
    put({ ...spec, state: "aborted" });
  }

  #start(): RolloutSpec {
    const drafts = new Map(
      Array.from({ length: 3 }, () => {
        const document = this.#policies.document(this.world.pick(2) === 0 ? "one" : "two", ++this.#turn);
        const parsed = parseDocument(document);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed));
        return [keyString(parsed.resource), parsed.resource] as const;
      }),
    );
    const { config } = this.world;
    return {
      ...{ author: "", onFailure: "hold", state: "running", stage: 0, since: "", known: [], steps: [] },
      changes: [...drafts.values()].map((resource) => ({ op: "put", resource })),
      base: Object.fromEntries([...drafts].map(([key, { type, mesh, name }]) => [key, valueDigest(config.get(type, mesh, name))])),
      stages: [{ zones: ["zone-1"], share: 30 }, { zones: ["zone-1"], share: 70 }, { zones: ["zone-1"] }],
    };
  }
}

const encoder = new ViewEncoder();

function freshContent({ world: { zone, inventory }, inEffect }: StagedWorld) {
  const over = (config: Pick<ZoneInEffect, "get" | "list">) =>
    new MeshContexts({ zone: "zone-1", config, zoneResources: zone, inventory }, { addresses: new Map<string, string>() });
  const { trial } = inEffect;
  const [main, some] = [over(inEffect), trial && over(trial.reader)];
  return Object.fromEntries(
    proxies.map(([nodeId, ref]) => {
      const contexts = trial && isInShare("r", trial.share, nodeId) ? some! : main;
      const { resources } = encoder.encode(buildProxyView(contexts, ref)!);
      withoutDangling(resources);
      return [nodeId, versionsOf(resources)];
    }),
  );
}

test.each(Array.from({ length: 4 }, (_, index) => index + 1))("two configurations in one zone, byte for byte (seed %i)", async (seed) => {
  const staged = new StagedWorld(seed);
  const { world, inEffect } = staged;
  const cache = new SnapshotCache();
  const onError = (error: unknown) => {
    if (!/no CA|not found/.test((error as Error).message)) throw error;
  };
  const materials = new SecretMaterials({
    config: inEffect,
    keyRing: {},
    now: () => 0,
    onIssued: () => {},
    onChanged: () => {},
    onError,
  });
  materials.resolve = () => ({ resources: [], pending: [], failed: [] });
  const compiler = new Compiler({
    ...{ zone: "zone-1", config: inEffect, zoneResources: world.zone, inventory: world.inventory, materials, cache, onError },
    trial: () => inEffect.trial && { of: inEffect.trial.rollout, ...inEffect.trial, config: inEffect.trial.reader },
    clock: () => 0,
  });
  for (const [nodeId, ref] of proxies) compiler.connect(nodeId, ref);
  let [apart, at] = [0, 0];
  for (let sequence = 1; sequence <= 40; sequence++) {
    for (let left = 1 + world.pick(3); left > 0; left--) await world.change();
    if (world.pick(2) === 0) staged.step();
    await compiler.settled();
    expect(
      Object.fromEntries(proxies.map(([nodeId]) => [nodeId, versionsOf(cache.get(nodeId)?.resources)])),
      `sequence ${sequence}`,
    ).toEqual(freshContent(staged));
    if (inEffect.trial) apart++;
    for (const [nodeId] of proxies) expect(cache.revision(nodeId)).toBe(world.config.revision);
    at = world.config.revision;
  }
  expect(at).toBeGreaterThan(40);
  expect(apart).toBeGreaterThan(3);
  compiler.close();
});
