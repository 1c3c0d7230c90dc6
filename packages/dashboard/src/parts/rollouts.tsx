import { type RolloutAnswer, type ZonePinAnswer, shortKey } from "@atoll/rest-answers";
import { useData } from "../data.ts";
import { post } from "../rest.ts";
import { linkTo } from "../route.ts";
import { useSending } from "../sending.ts";
import { Badge, Section, Table, time } from "./shown.tsx";

export const isUnderWay = ({ state }: RolloutAnswer): boolean => state === "running" || state === "held";

/** A roll-out: how far, what it waits for, why it is held, and what can be done about it. */
export function Rollout({ rollout }: { rollout: RolloutAnswer }) {
  const { name, state, progress, why, waits = [], changes, stages, stage, zones, revision } = rollout;
  const { busy, error, send } = useSending();
  const step = (verb: string) => void send(async () => void (await post(`/rollouts/${encodeURIComponent(name)}/${verb}`, { stage })));
  return (
    <div class="rollout">
      <p>
        <strong>{name}</strong> <Badge good={state === "done" ? true : state === "running" ? undefined : false}>{progress}</Badge>{" "}
        <span class="quiet">
          {changes.map(shortKey).join(", ")}, <a href={linkTo("changes", revision)}>revision {revision}</a>
        </span>
      </p>
      {why !== undefined && <p class="problem">{why}</p>}
      {waits.map((wait) => (
        <p key={wait} class="quiet">
          Waits for {wait}
        </p>
      ))}
      <Table
        name={`Stages of ${name}`}
        columns={["Stage", "Zones", "Proxies", "At least", "State"]}
        empty=""
        rows={stages.map((one, index) => [
          index + 1,
          one.zones.join(", "),
          one.share === undefined ? "all" : `${one.share}%`,
          one.gate?.minTime ?? "–",
          index + 1 < stage || state === "done" ? "passed" : index + 1 === stage && isUnderWay(rollout) ? state : "–",
        ])}
      />
      <p class="quiet">{zones.map(({ name: zone, share }) => `${zone} has it at ${share}%`).join(" · ")}</p>
      {error !== undefined && <p class="problem">{error}</p>}
      {isUnderWay(rollout) && (
        <p class="actions">
          <button type="button" disabled={busy} onClick={() => step("continue")}>
            Continue
          </button>
          {state === "running" && (
            <button type="button" disabled={busy} onClick={() => step("hold")}>
              Hold
            </button>
          )}
          <button type="button" class="danger" disabled={busy} onClick={() => step("abort")}>
            Abort
          </button>
        </p>
      )}
    </div>
  );
}

/** What holds in some places only, by whose decision; nothing where there is no such thing. */
export function Decided() {
  const rollouts = useData<{ items: RolloutAnswer[] }>("/rollouts", "observed").value?.items.filter(isUnderWay) ?? [];
  const pins = useData<{ items: ZonePinAnswer[] }>("/zone-pins").value?.items ?? [];
  if (rollouts.length + pins.length === 0) return null;
  return (
    <Section title="Roll-outs and pins">
      {rollouts.map((rollout) => (
        <Rollout key={rollout.name} rollout={rollout} />
      ))}
      {pins.length > 0 && (
        <Table
          name="Pinned zones"
          columns={["Zone", "Stays at", "Since", "Who", "Why", "Has otherwise"]}
          empty=""
          rows={pins.map((pin) => [
            pin.zone,
            <a href={linkTo("changes", pin.revision)}>{pin.revision}</a>,
            time(pin.since),
            pin.author.replace("mesh-system:", ""),
            pin.reason ?? "",
            pin.held.map(shortKey).join(", "),
          ])}
        />
      )}
    </Section>
  );
}

/** The roll-out that a revision is a step of. */
export function RolloutOf({ name }: { name: string }) {
  const { value } = useData<RolloutAnswer>(`/rollouts/${encodeURIComponent(name)}`, "observed");
  if (value === undefined) return null;
  return (
    <Section title="Roll-out">
      <Rollout rollout={value} />
    </Section>
  );
}
