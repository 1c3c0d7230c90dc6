import { expect, test } from "vitest";
import { stagesOf } from "./stages.ts";

const round = { revision: 7, sentAt: 100, answeredAt: 103, effectAt: 110, throughAt: 112 };

test("the stages of a change add up to its effect", () => {
  const { durable, zone, xds, built, envoy, effect, answered, acked } = stagesOf(
    round,
    {
      global: new Map([[7, { folded: 101 }]]),
      sync: new Map([[7, { folded: 102.5 }]]),
      xds: new Map([[7, { folded: 104, built: 105, "applied default.edge-1": 109 }]]),
    },
    "default.edge-1",
  );
  expect([durable, zone, xds, built, envoy]).toEqual([1, 1.5, 1.5, 1, 5]);
  expect(durable! + zone! + xds! + built! + envoy!).toBe(effect);
  expect([answered, acked]).toEqual([3, 4]);
});

test("a record that an xDS server read from the log itself did not pass the zone", () => {
  const times = stagesOf(
    round,
    {
      global: new Map([[7, { folded: 104 }]]),
      sync: new Map([[7, { folded: 103.5 }]]),
      xds: new Map([[7, { folded: 103, built: 105, "applied default.edge-1": 109 }]]),
    },
    "default.edge-1",
  );
  expect(times).toMatchObject({ direct: 3, built: 2, envoy: 5 });
  expect([times.durable, times.zone, times.xds]).toEqual([undefined, undefined, undefined]);
});

test("a stage that no timeline knows is absent", () => {
  expect(stagesOf(round, { global: new Map(), sync: new Map(), xds: new Map([[7, { built: 105 }]]) }, "default.edge-1")).toMatchObject({
    effect: 10,
    durable: undefined,
    xds: undefined,
    envoy: 5,
    acked: undefined,
  });
});
