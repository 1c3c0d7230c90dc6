import type { Timelines } from "./timelines.ts";

/** One change, in monotonic milliseconds. */
export interface Round {
  revision: number;
  sentAt: number;
  answeredAt: number;
  /** The gateway answered by the change itself, and for the first time with an answer that came through all four hops. */
  effectAt: number;
  throughAt: number;
}

/**
 * Milliseconds of each stage of one change; a stage that no timeline knows is absent. An xDS server that reads the log itself may have a
 * record before its zone, or before global: then what came before is no stage on the way, and `direct` is, in the place of `durable`,
 * `zone` and `xds`.
 */
export interface StageTimes {
  revision: number;
  effect: number;
  through: number;
  answered: number;
  durable?: number;
  zone?: number;
  xds?: number;
  direct?: number;
  built?: number;
  envoy?: number;
  acked?: number;
}

/** The stages that a change passes one after the other, and beside them the two answers that nobody on that way waits for. */
export const stageTitles: readonly (readonly [keyof StageTimes, string])[] = [
  ["effect", "PUT sent → the gateway's Envoy answers by the new route"],
  ["durable", "· PUT sent → on disk and folded on global"],
  ["zone", "· → mirrored on disk and folded in the zone"],
  ["xds", "· → folded in the zone's xDS server"],
  ["direct", "· PUT sent → folded in the zone's xDS server, which read it from the log itself"],
  ["built", "· → built and handed to the stream"],
  ["envoy", "· → the gateway's Envoy answers by the new route"],
  ["through", "PUT sent → first answer by it through all four hops"],
  ["answered", "PUT sent → 200 received"],
  ["acked", "built → ACKed by the gateway's Envoy"],
];

export function stagesOf(round: Round, timelines: { global: Timelines; sync: Timelines; xds: Timelines }, nodeId: string): StageTimes {
  const { revision, sentAt, answeredAt, effectAt, throughAt } = round;
  const durable = timelines.global.get(revision)?.["folded"];
  const zone = timelines.sync.get(revision)?.["folded"];
  const passed = timelines.xds.get(revision);
  const inXds = passed?.["folded"];
  const isDirect = inXds !== undefined && ((zone !== undefined && inXds < zone) || (durable !== undefined && inXds < durable));
  const between = (from: number | undefined, to: number | undefined) => (from === undefined || to === undefined ? undefined : to - from);
  return {
    revision,
    effect: effectAt - sentAt,
    through: throughAt - sentAt,
    answered: answeredAt - sentAt,
    ...(isDirect
      ? { direct: between(sentAt, inXds) }
      : { durable: between(sentAt, durable), zone: between(durable, zone), xds: between(zone, inXds) }),
    built: between(inXds, passed?.["built"]),
    envoy: between(passed?.["built"], effectAt),
    acked: between(passed?.["built"], passed?.[`applied ${nodeId}`]),
  };
}
