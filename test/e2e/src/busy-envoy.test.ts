import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// A workload that sees so many external services that its Envoy works on them for the better part of a minute, and reads nothing while it
// does. Who is busy is not dead: its stream goes on, and its Dataplane stays.
const services = 1_500;
/** Four times as long as a silence may last. On a machine that is at something else the Envoy may need longer than this. */
const watchedMs = 120_000;
let bed: MeshBed;

const external = (number: number) => ({
  ...{ type: "ExternalService", mesh: "default", name: `outside-${number}` },
  tags: { "kuma.io/service": `outside-${number}`, "kuma.io/protocol": "http" },
  networking: { address: `outside-${number}.test:8080` },
});

beforeAll(async () => {
  bed = await MeshBed.start(24_750, {
    zones: ["east"],
    env: { KUMA_DNS_SERVER_CIDR: "127.240.0.0/16", ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "1000" },
  });
  for (const document of [mesh("default", { routing: { zoneEgress: true } }), ...openMesh()]) await bed.atoll.apply(document);
  const all = Array.from({ length: services }, (_, number) => external(number));
  while (all.length > 0) await Promise.all(all.splice(0, 50).map((document) => bed.atoll.apply(document)));
}, 240_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

/** Of each Dataplane that is registered, how many of its streams have begun, and how many go on. */
async function streams(): Promise<{ begun: number; open: number }[]> {
  const { items } = (await bed.atoll.call("/dataplanes/_overview")).json<{
    items: { dataplaneInsight?: { subscriptions?: { disconnectTime?: string }[] } }[];
  }>();
  return items.map(({ dataplaneInsight: { subscriptions = [] } = {} }) => ({
    begun: subscriptions.length,
    open: subscriptions.filter(({ disconnectTime }) => disconnectTime === undefined).length,
  }));
}

test("an Envoy that is busy with what it gets keeps its stream, and its Dataplane stays", { timeout: 300_000 }, async () => {
  const { admin } = await bed.service("caller", "caller-1", {
    env: { KUMA_DNS_ENABLED: "false" },
    networking: { outbound: [], transparentProxying: {} },
  });
  await eventually(async () => expect(await streams()).toEqual([{ begun: 1, open: 1 }]), { limitMs: 60_000, everyMs: 100 });
  const began = performance.now();
  const isDone = async (): Promise<boolean> => {
    // It answers this between two things that it works on.
    const { text } = await rest(`http://127.0.0.1:${admin}/stats?filter=listener_manager.total_listeners_active`).catch(() => ({
      text: "",
    }));
    return Number(/: (\d+)/.exec(text)?.[1] ?? 0) > services;
  };
  while (performance.now() - began < watchedMs) {
    const done = await isDone();
    expect(await streams()).toEqual([{ begun: 1, open: 1 }]);
    if (done) break;
  }
  const ended = /the connection of an Envoy is ended|proxy disconnected|proxy deregistered/;
  const lines = bed.atoll.allOutput().split("\n");
  expect(lines.filter((line) => ended.test(line))).toEqual([]);
});
