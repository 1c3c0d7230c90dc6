/**
 * What one change costs beside many things that it does not concern: a gateway, an ingress, an egress and sidecars, in a zone with 5,000
 * Dataplanes of 1,000 services, and 0 to 25,000 routes of a gateway that nobody runs. Tells CPU, facts made anew and proxies built for each.
 *
 *   node --conditions=@atoll/source packages/compiler/bench/scale.ts [unrelated routes ...]
 */
import { BenchWorld } from "./bench-world.ts";
import { gateway, gatewayDataplane, gatewayRoute, sidecar } from "./meshes.ts";

const service = "kuma.io/service";
const services = 1_000;
const dataplanes = 5_000;
const sidecars = 20;
const zones = 2;

const unrelated = (index: number) => ({
  ...gatewayRoute(index, `/unrelated-${index}`),
  name: `unrelated-${index}`,
  selectors: [{ match: { [service]: "nowhere" } }],
});

const changes: Record<string, (world: BenchWorld, turn: number) => void | Promise<void>> = {
  "a path of the gateway's route": ({ config }, turn) => config.put(gatewayRoute(0, `/other-${turn}`)),
  "a backend of the gateway's route": ({ config }, turn) => config.put({ ...gatewayRoute(1 + (turn % 2)), name: "route-0" }),
  "an unrelated route": ({ config }, turn) => config.put({ ...unrelated(0), ...{ conf: gatewayRoute(0, `/x-${turn}`).conf } }),
  "an instance fails or recovers": ({ zone }, turn) => {
    const changed = sidecar(7, services, 5) as { networking: { inbound: { state?: string }[] } };
    if (turn % 2 === 0) changed.networking.inbound[0]!.state = "NotReady";
    zone.put(changed as never);
  },
  "an instance comes": ({ zone }, turn) => zone.put(sidecar(dataplanes + turn, services, 5)),
  "an instance of the other zone": ({ inventory }, turn) =>
    inventory.put({ zone: "zone-2", mesh: "default", tags: { [service]: "service-9", "kuma.io/protocol": "http" }, instances: 2 + turn }),
  "a Timeout of one proxy": ({ config }, turn) =>
    config.put({
      ...{ type: "Timeout", mesh: "default", name: "one" },
      ...{ sources: [{ match: { [service]: "service-3" } }], destinations: [{ match: { [service]: "service-4" } }] },
      conf: { connectTimeout: `${turn + 1}s` },
    }),
  "a Timeout of nobody": ({ config }, turn) =>
    config.put({
      ...{ type: "Timeout", mesh: "default", name: "none" },
      ...{ sources: [{ match: { [service]: "nobody" } }], destinations: [{ match: { [service]: "*" } }] },
      conf: { connectTimeout: `${turn + 1}s` },
    }),
};

async function run(routes: number): Promise<void> {
  const world = await BenchWorld.open({ zoneEgress: true });
  world.config.put(...gateway(), gatewayRoute(0), ...Array.from({ length: routes }, (_, index) => unrelated(index)));
  world.zone.put(gatewayDataplane(), ...Array.from({ length: dataplanes }, (_, index) => sidecar(index, services, 5)));
  world.zone.put(
    { type: "ZoneIngress", name: "in", networking: { address: "10.250.0.1", port: 10_001 } },
    { type: "ZoneEgress", name: "out", networking: { address: "10.250.0.2", port: 10_002 } },
  );
  for (let zone = 2; zone < 2 + zones; zone++) {
    await world.inventory.replace(`zone-${zone}`, {
      entries: Array.from({ length: services }, (_, index) => ({
        ...{ zone: `zone-${zone}`, mesh: "default", instances: 1 },
        tags: { [service]: `service-${index}`, "kuma.io/protocol": "http" },
      })),
      ingresses: [{ zone: `zone-${zone}`, name: "in", advertisedAddress: `10.251.0.${zone}`, advertisedPort: 10_001 }],
    });
  }
  const names = ["edge-1", ...Array.from({ length: sidecars }, (_, index) => `app-${index}`)];
  const connectMs = await world.connect(names, { ingress: "in", egress: "out" });
  console.log(`\n${routes} unrelated routes: all connect in ${connectMs.toFixed(0)} ms of CPU`);
  for (const [name, change] of Object.entries(changes)) {
    const { ms, round, made } = await world.measure((turn) => change(world, turn));
    const numbers = `${ms.toFixed(2).padStart(9)} ms ${made.toFixed(1).padStart(6)} facts ${String(round.built).padStart(4)} built ${String(round.changed).padStart(4)} changed`;
    console.log(`${name.padEnd(36)}${numbers}`);
  }
  world.close();
}

const sizes = process.argv.slice(2).map(Number);
await run(0); // warm up
for (const routes of sizes.length > 0 ? sizes : [0, 1_000, 10_000, 25_000]) await run(routes);
