import type { Timelines } from "./timelines.ts";

/** One change, in monotonic milliseconds. */
export interface Round {
  revision: number;
  sentAt: number;
  answeredAt: number;
  effectAt: number;
}

/** Milliseconds of each stage of one change; a stage that no timeline knows is absent. */
export interface StageTimes {
  revision: number;
  effect: number;
  answered: number;
  durable?: number;
  zone?: number;
  xds?: number;
  built?: number;
  envoy?: number;
  acked?: number;
}

/** The stages that a change passes one after the other, and beside them the two answers that nobody on that way waits for. */
export const stageTitles: readonly (readonly [keyof StageTimes, string])[] = [
  ["effect", "PUT sent → first answer by the new route"],
  ["durable", "· PUT sent → on disk and folded on global"],
  ["zone", "· → mirrored on disk and folded in the zone"],
  ["xds", "· → folded in the zone's xDS server"],
  ["built", "· → built and handed to the stream"],
  ["envoy", "· → first answer by the new route"],
  ["answered", "PUT sent → 200 received"],
  ["acked", "built → ACKed by the gateway's Envoy"],
];

export function stagesOf(round: Round, timelines: { global: Timelines; sync: Timelines; xds: Timelines }, nodeId: string): StageTimes {
  const { revision, sentAt, answeredAt, effectAt } = round;
  const durable = timelines.global.get(revision)?.["folded"];
  const zone = timelines.sync.get(revision)?.["folded"];
  const passed = timelines.xds.get(revision);
  const between = (from: number | undefined, to: number | undefined) => (from === undefined || to === undefined ? undefined : to - from);
  return {
    revision,
    effect: effectAt - sentAt,
    answered: answeredAt - sentAt,
    durable: between(sentAt, durable),
    zone: between(durable, zone),
    xds: between(zone, passed?.["folded"]),
    built: between(passed?.["folded"], passed?.["built"]),
    envoy: between(passed?.["built"], effectAt),
    acked: between(passed?.["built"], passed?.[`applied ${nodeId}`]),
  };
}
