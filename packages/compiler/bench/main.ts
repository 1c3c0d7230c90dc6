/**
 * What a change costs the compiler. Each case runs at one size and at twice that: a ratio near 2 is linear, near 4 quadratic.
 *
 *   node --conditions=@atoll/source packages/compiler/bench/main.ts [size factor, default 1]
 */
import { BenchWorld } from "./bench-world.ts";
import { gateway, gatewayDataplane, gatewayRoute, sidecar, timeout } from "./meshes.ts";

const factor = Number(process.argv[2] ?? 1);

type Row = [name: string, ms: number, built: number, changed: number];

async function manySidecars(count: number): Promise<Row[]> {
  const services = Math.max(1, Math.floor(count / 20));
  const names = Array.from({ length: count }, (_, index) => `app-${index}`);
  const dataplanes = names.map((_, index) => sidecar(index, services, 5));
  const world = await BenchWorld.open();
  world.config.put(timeout(5), ...gateway(), gatewayRoute(0));
  world.zone.put(...dataplanes);
  const connect = await world.connect(names);
  const rows: Row[] = [[`${count} sidecars: all connect`, connect, count, count]];
  const add = async (name: string, change: (turn: number) => void) => {
    const { ms, round } = await world.measure(change);
    rows.push([`${count} sidecars: ${name}`, ms, round.built, round.changed]);
  };
  await add("a Timeout for all", (turn) => world.config.put(timeout(6 + turn)));
  await add("a gateway's route", (turn) => world.config.put(gatewayRoute(0, `/other-${turn}`)));
  await add("one instance fails or recovers", (turn) => {
    const changed = structuredClone(dataplanes[7]!) as { networking: { inbound: { state?: string }[] } };
    if (turn % 2 === 0) changed.networking.inbound[0]!.state = "NotReady";
    world.zone.put(changed as never);
  });
  await add("a proxy's insight", () =>
    world.zone.putDrafts({ type: "DataplaneInsight", mesh: "default", name: "app-1", spec: { subscriptions: [{ connectTime: "x" }] } }),
  );
  await add("a zone comes or goes", (turn) => world.config.put({ type: "Zone", name: "zone-2", enabled: turn % 2 === 0 }));
  world.close();
  return rows;
}

async function oneGateway(routes: number): Promise<Row[]> {
  const indices = Array.from({ length: routes }, (_, index) => index);
  const world = await BenchWorld.open();
  world.config.put(...gateway(), ...indices.map((index) => gatewayRoute(index)));
  world.zone.put(gatewayDataplane(), ...indices.map((index) => sidecar(index, routes, 0)));
  const connect = await world.connect(["edge-1"]);
  const rows: Row[] = [[`gateway with ${routes} routes: connects`, connect, 1, 1]];
  const add = async (name: string, change: (turn: number) => void) => {
    const { ms, round } = await world.measure(change);
    rows.push([`gateway with ${routes} routes: ${name}`, ms, round.built, round.changed]);
  };
  await add("a route's path", (turn) => world.config.put(gatewayRoute(3, `/other-${turn}`)));
  await add("a new route", (turn) => world.config.put(gatewayRoute(routes + turn)));
  await add("one instance fails or recovers", (turn) => {
    const changed = structuredClone(sidecar(7, routes, 0)) as { networking: { inbound: { state?: string }[] } };
    if (turn % 2 === 0) changed.networking.inbound[0]!.state = "NotReady";
    world.zone.put(changed as never);
  });
  world.close();
  return rows;
}

for (const run of [manySidecars, oneGateway]) {
  const size = Math.round((run === manySidecars ? 500 : 100) * factor);
  await run(Math.max(20, size >> 3)); // warm up
  const one = await run(size);
  const two = await run(size * 2);
  for (const [index, [name, ms, built, changed]] of two.entries()) {
    const ratio = ms / one[index]![1];
    console.log(
      `${name.padEnd(56)} ${ms.toFixed(1).padStart(8)} ms  x${ratio.toFixed(1)}  ${String(built).padStart(5)} built ${String(changed).padStart(5)} changed`,
    );
  }
}
