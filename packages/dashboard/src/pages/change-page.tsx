import { type FleetChanges, type ResourceChange, type RevisionEntry, type RevisionStatus, shortKey } from "@atoll/rest-answers";
import { useEffect, useState } from "preact/hooks";
import { useData } from "../data.ts";
import { observed, revision as newest } from "../live.ts";
import { Fleet } from "../parts/fleet.tsx";
import { Lines } from "../parts/lines.tsx";
import { RolloutOf } from "../parts/rollouts.tsx";
import { Badge, Section, Shown, Table, time } from "../parts/shown.tsx";
import { post } from "../rest.ts";
import { go, linkTo } from "../route.ts";
import { useSending } from "../sending.ts";

/** One revision: what it changed, whom it reached, how far it is, and the way back. */
export function ChangePage({ revision }: { revision: number }) {
  const entry = useData<RevisionEntry & { conflict?: object }>(`/revisions/${revision}`, "never");
  const diff = useData<{ items: ResourceChange[] }>(`/diff?from=${revision - 1}&to=${revision}`, "never");
  const status = useData<RevisionStatus>(`/revisions/${revision}/status`, "observed");
  const [reached, setReached] = useState(false);
  const fleet = useData<{ fleet: FleetChanges }>(reached ? `/diff?from=${revision - 1}&to=${revision}&proxies=true` : undefined, "never");
  useEffect(() => setReached(false), [revision]);
  void observed.value;
  return (
    <>
      <h1>Revision {revision}</h1>
      <p class="actions">
        <a class="button" aria-disabled={revision <= 1} href={linkTo("changes", Math.max(1, revision - 1))}>
          Previous
        </a>
        <a class="button" aria-disabled={revision >= newest.value} href={linkTo("changes", revision + 1)}>
          Next
        </a>
      </p>
      <Shown data={entry}>
        {({ at, author, reason, accepted, conflict }) => (
          <dl class="facts">
            <dt>When</dt>
            <dd>{time(at)}</dd>
            <dt>Who</dt>
            <dd>{author}</dd>
            <dt>Why</dt>
            <dd>{reason ?? <span class="quiet">not said</span>}</dd>
            <dt>Verdict</dt>
            <dd>
              <Badge good={accepted}>{accepted ? "accepted" : `rejected: ${JSON.stringify(conflict)}`}</Badge>
            </dd>
          </dl>
        )}
      </Shown>
      <Section title="In force">
        <Shown data={status}>
          {({ done, zones }) => (
            <>
              <p>
                <Badge good={done}>{done ? "acknowledged by every live Envoy of every zone" : "not everywhere yet"}</Badge>
              </p>
              <Table
                name="In force"
                columns={["Zone", "Proxies", "All at least at", "State"]}
                empty="There are no zones."
                rows={zones.map((zone) => [
                  zone.name,
                  zone.proxies,
                  zone.applied ?? "–",
                  <Badge good={zone.held === undefined ? zone.done : undefined}>{zone.held ?? (zone.done ? "applied" : "behind")}</Badge>,
                ])}
              />
            </>
          )}
        </Shown>
      </Section>
      {(entry.value?.changes ?? [])
        .filter(({ key }) => key.startsWith("Rollout//"))
        .map(({ key }) => (
          <RolloutOf key={key} name={key.slice("Rollout//".length)} />
        ))}
      <Section title="What it changed">
        <Shown data={diff}>
          {({ items }) =>
            items.length === 0 ? (
              <p class="quiet">Nothing differs from the revision before.</p>
            ) : (
              items.map(({ key, change, before, after }) => (
                <details key={key} open={items.length <= 3}>
                  <summary>
                    {shortKey(key)} <span class="quiet">{change}</span>
                  </summary>
                  <Lines before={before} after={after} />
                </details>
              ))
            )
          }
        </Shown>
      </Section>
      <Section title="Whom it reaches">
        {reached ? (
          <Shown data={fleet}>{(answer) => <Fleet fleet={answer.fleet} />}</Shown>
        ) : (
          <button type="button" onClick={() => setReached(true)}>
            Compare all proxies before and after
          </button>
        )}
      </Section>
      {revision < newest.value && <RollBack revision={revision} />}
    </>
  );
}

interface Tried {
  revision: number;
  changed: string[];
  fleet?: FleetChanges;
}

/** Nothing is restored before it was seen what that does. */
function RollBack({ revision }: { revision: number }) {
  const [tried, setTried] = useState<Tried | undefined>(undefined);
  const [reason, setReason] = useState("");
  const { busy, error, send } = useSending();
  useEffect(() => setTried(undefined), [revision]);
  const rollBack = (query: string, then: (answer: Tried) => void) =>
    send(async () => then(await post<Tried>(`/revisions/${revision}/rollback${query}`, reason === "" ? {} : { reason })));
  return (
    <Section title={`Back to revision ${revision}`}>
      {error !== undefined && <p class="problem">{error}</p>}
      <p class="actions">
        <button type="button" disabled={busy} onClick={() => void rollBack("?dry_run=true&proxies=true", setTried)}>
          See what that would change
        </button>
      </p>
      {tried && (
        <>
          <p>
            {tried.changed.length === 0
              ? "Nothing differs from now."
              : `${tried.changed.length} resources: ${tried.changed.map(shortKey).join(", ")}`}
          </p>
          {tried.fleet && <Fleet fleet={tried.fleet} />}
          {tried.changed.length > 0 && (
            <p class="actions">
              <label>
                Why <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
              </label>
              <button
                type="button"
                class="danger"
                disabled={busy}
                onClick={() => void rollBack("", ({ revision: made }) => go(linkTo("changes", made)))}
              >
                Roll back
              </button>
            </p>
          )}
        </>
      )}
    </Section>
  );
}
