import { hash } from "node:crypto";
import {
  type KeyString,
  type Resource,
  type RolloutSpec,
  type ZonePinSpec,
  isUnderWay,
  keyString,
  parseKeyString,
  rolloutType,
  zonePinType,
} from "@atoll/resource";
import type { ResourceReader } from "../reader.ts";
import type { HeldZone } from "./held-values.ts";
import { Overlay } from "./overlay.ts";

/** A folded state, with what pinned zones have in place of it. */
export interface DecidedState extends ResourceReader {
  heldFor(zone: string): HeldZone | undefined;
}

/** Some of a zone's proxies have more than the others. */
export interface Trial {
  rollout: string;
  /** Percent. */
  share: number;
  overlay: Overlay;
}

/** What a zone has that the configuration has not, or not yet. */
export interface ZoneDecision {
  pinnedAt?: number;
  /** Roll-outs that have come to all of it. */
  reached: readonly string[];
  overlay: Overlay;
  trial?: Trial;
  /** Whose changes may end a roll-out, or bring it back. */
  reliesOn: ReadonlySet<KeyString>;
}

const none: ReadonlySet<KeyString> = new Set();
const nothing: ZoneDecision = { reached: [], overlay: new Overlay(), reliesOn: none };

/** What holds in a zone at a state of the configuration. A function of that state, and so of the log. */
export function decisionFor(zone: string, state: DecidedState): ZoneDecision {
  const held = state.heldFor(zone);
  if (held) {
    const pin = state.get<ZonePinSpec>(zonePinType, "", zone);
    return { pinnedAt: pin ? pinnedRevision(pin) : 0, reached: [], overlay: held.values, reliesOn: none };
  }
  const underWay = state.list<RolloutSpec>(rolloutType).filter(({ spec }) => isUnderWay(spec));
  if (underWay.length === 0) return nothing;
  const reliesOn = new Set(underWay.flatMap(({ spec }) => Object.keys(spec.base).flatMap(withMesh)));
  const rollouts = underWay.filter((one) => isInEffect(one, state));
  const overlay = new Overlay();
  const reached: string[] = [];
  let trial: { rollout: Resource<RolloutSpec>; share: number } | undefined;
  for (const rollout of rollouts.toSorted((a, b) => startOf(a) - startOf(b))) {
    const share = shareIn(zone, rollout.spec);
    if (share >= 100) {
      addChanges(overlay, rollout, state);
      reached.push(rollout.name);
    } else if (share > 0) trial ??= { rollout, share };
  }
  if (!trial) return { reached, overlay, reliesOn };
  const more = new Overlay();
  for (const [key, value] of overlay.entries()) more.set(key, value);
  addChanges(more, trial.rollout, state);
  return { reached, overlay, reliesOn, trial: { rollout: trial.rollout.name, share: trial.share, overlay: more } };
}

/** Whether a roll-out decides anything: under way, and nobody else wrote what it changes. */
export const isInEffect = (rollout: Resource<RolloutSpec>, state: ResourceReader): boolean =>
  isUnderWay(rollout.spec) && supersededBy(rollout, state) === undefined;

/** The key whose value is not what it is changed from any more, and its revision now; null = it is gone. */
export function supersededBy(
  { spec }: Resource<RolloutSpec>,
  state: ResourceReader,
): { key: KeyString; revision: number | null } | undefined {
  for (const [text, value] of Object.entries(spec.base)) {
    const { type, mesh, name } = parseKeyString(text);
    const now = state.get(type, mesh, name);
    const isOfMesh = mesh === "" || state.get("Mesh", "", mesh) !== undefined;
    if (valueDigest(now) !== value || !isOfMesh) return { key: text as KeyString, revision: now?.revision ?? null };
  }
  return undefined;
}

const digests = new WeakMap<Resource, string>();

/** Of what makes two resources equal (`equalValue`): spec and labels, whatever the order of their fields; null without a resource. */
export function valueDigest(resource: Resource | undefined): string | null {
  if (!resource) return null;
  let digest = digests.get(resource);
  if (digest === undefined) {
    const text = JSON.stringify([resource.labels ?? {}, resource.spec], sortedFields);
    digests.set(resource, (digest = hash("sha256", text, "base64url")));
  }
  return digest;
}

const sortedFields = (_name: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Percent of the zone's proxies that the roll-out has reached. */
export function shareIn(zone: string, { stages, stage }: Pick<RolloutSpec, "stages" | "stage">): number {
  const reached = stages.slice(0, stage + 1).filter(({ zones }) => zones.includes(zone));
  return Math.max(0, ...reached.map(({ share }) => share ?? 100));
}

/** Whether a proxy, by the id of its node, is among so many percent. Who is among few is among more, too. */
export function isInShare(rollout: string, share: number, nodeId: string): boolean {
  const place = Buffer.from(hash("sha256", `${rollout}|${nodeId}`, "buffer")).readUInt32BE(0) / 0x1_0000_0000;
  return place * 100 < share;
}

function withMesh(text: string): KeyString[] {
  const { mesh } = parseKeyString(text);
  return [text as KeyString, ...(mesh === "" ? [] : [keyString({ type: "Mesh", mesh: "", name: mesh })])];
}

/** The revision whose configuration a pinned zone has: what was there when it was pinned, or what it was told to have. */
export const pinnedRevision = ({ spec, revision }: Resource<ZonePinSpec>): number => (spec.values ? spec.revision : revision - 1);

const startOf = ({ creationTime }: Resource): number => Date.parse(creationTime);

/** As the changes will be once they are made, but for their times. */
function addChanges(overlay: Overlay, rollout: Resource<RolloutSpec>, state: ResourceReader): void {
  for (const change of rollout.spec.changes) {
    if (change.op === "delete") {
      overlay.set(keyString(change.key), null);
      continue;
    }
    const { type, mesh, name, labels, spec } = change.resource;
    const creationTime = state.get(type, mesh, name)?.creationTime ?? rollout.creationTime;
    const { creationTime: modificationTime, revision } = rollout;
    overlay.set(keyString(change.resource), {
      type,
      mesh,
      name,
      ...(labels && { labels }),
      spec,
      creationTime,
      modificationTime,
      revision,
    });
  }
}
