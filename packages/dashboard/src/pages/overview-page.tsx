import { type RevisionEntry, type RevisionStatus, shortKey } from "@atoll/rest-answers";
import { useData } from "../data.ts";
import { news, revision } from "../live.ts";
import { Decided } from "../parts/rollouts.tsx";
import { Badge, Section, Shown, Table, time } from "../parts/shown.tsx";
import { linkTo } from "../route.ts";

interface Fault {
  zone: string;
  part: string;
  reason: string;
  resources: string[];
  proxies: number;
}

interface Zones {
  items: {
    name: string;
    zone: { enabled?: boolean };
    zoneInsight?: { subscriptions?: { connectTime?: string; disconnectTime?: string }[] };
  }[];
}

interface Counts {
  dataplanes: Record<string, { online: number; total: number }>;
  meshes: { total: number };
  policies: { total: number };
  services: { internal: { total: number } };
}

/** How everything is doing now, and what is wrong. */
export function OverviewPage() {
  const at = revision.value;
  const status = useData<RevisionStatus>(at > 0 ? `/revisions/${at}/status` : undefined, "observed");
  const zones = useData<Zones>("/zones/_overview", "observed");
  const faults = useData<{ items: Fault[] }>("/quarantine", "observed");
  const counts = useData<Counts>("/global-insight", "observed");
  const recent = useData<{ items: RevisionEntry[] }>(at > 0 ? `/revisions?from=${Math.max(1, at - 7)}` : undefined);
  const applied = new Map((status.value?.zones ?? []).map((zone) => [zone.name, zone]));
  return (
    <>
      <h1>Overview</h1>
      <Shown data={counts}>
        {({ dataplanes, meshes, policies, services }) => {
          const all = Object.values(dataplanes);
          const sum = (field: "online" | "total") => all.reduce((total, count) => total + count[field], 0);
          return (
            <ul class="figures">
              <Figure label="revision" value={String(at)} />
              <Figure label="meshes" value={String(meshes.total)} />
              <Figure label="services" value={String(services.internal.total)} />
              <Figure label="proxies online" value={`${sum("online")} of ${sum("total")}`} good={sum("online") === sum("total")} />
              <Figure label="policies" value={String(policies.total)} />
            </ul>
          );
        }}
      </Shown>
      <Section title="What is wrong right now">
        <Shown data={faults}>
          {({ items }) => {
            const away = (zones.value?.items ?? []).filter((zone) => zone.zone.enabled !== false && !isOnline(zone));
            const behind = (status.value?.zones ?? []).filter(({ done }) => !done);
            if (items.length + away.length + behind.length === 0) return <p class="good-news">Nothing that the control plane knows of.</p>;
            return (
              <ul class="problems">
                {away.map(({ name }) => (
                  <li key={name}>Zone {name} is not connected; its proxies keep what they have.</li>
                ))}
                {behind.map(({ name, applied: have }) => (
                  <li key={name}>
                    Zone {name}: not every proxy has acknowledged revision {at} (the last one is at {have}).
                  </li>
                ))}
                {items.map((fault) => (
                  <li key={`${fault.zone} ${fault.part} ${fault.reason}`}>
                    <strong>{fault.resources.map(shortKey).join(", ")}</strong>: {fault.proxies} proxies of {fault.zone} go without{" "}
                    {fault.part}. <span class="quiet">{fault.reason}</span>
                  </li>
                ))}
              </ul>
            );
          }}
        </Shown>
      </Section>
      <Decided />
      <Section title="Zones">
        <Shown data={zones}>
          {({ items }) => (
            <Table
              name="Zones"
              columns={["Zone", "State", "Proxies", "Applied", "Behind by"]}
              empty="No zone has ever been connected."
              rows={items.map((zone) => {
                const of = applied.get(zone.name);
                const have = of?.applied ?? undefined;
                return [
                  zone.name,
                  <Badge good={zone.zone.enabled === false ? undefined : isOnline(zone)}>
                    {zone.zone.enabled === false ? "disabled" : isOnline(zone) ? "connected" : "away"}
                  </Badge>,
                  of?.proxies ?? 0,
                  have ?? "–",
                  have === undefined ? "–" : have >= at ? "nothing" : `${at - have} revisions`,
                ];
              })}
            />
          )}
        </Shown>
      </Section>
      <Section title="Newest changes" aside={<a href={linkTo("changes")}>all</a>}>
        <Shown data={recent}>
          {({ items }) => (
            <Table
              name="Newest changes"
              columns={["Revision", "When", "Who", "What", "Why"]}
              empty="Nothing was ever changed."
              rows={items.toReversed().map(({ revision: number, at: when, author, changes, reason, accepted }) => [
                <a href={linkTo("changes", number)}>{number}</a>,
                time(when),
                author.replace("mesh-system:", ""),
                `${accepted ? "" : "rejected: "}${changes
                  .slice(0, 3)
                  .map(({ op, key }) => `${op} ${shortKey(key)}`)
                  .join(", ")}${changes.length > 3 ? ` and ${changes.length - 3} more` : ""}`,
                reason ?? "",
              ])}
            />
          )}
        </Shown>
      </Section>
      <p class="sr" role="log">
        {news.value[0] &&
          `Revision ${news.value[0].revision}: ${news.value[0].changes.map(({ op, key }) => `${op} ${shortKey(key)}`).join(", ")}`}
      </p>
    </>
  );
}

const isOnline = ({ zoneInsight }: Zones["items"][number]): boolean =>
  (zoneInsight?.subscriptions ?? []).some(({ connectTime, disconnectTime }) => connectTime !== undefined && disconnectTime === undefined);

function Figure({ label, value, good }: { label: string; value: string; good?: boolean }) {
  return (
    <li class={good === false ? "worry" : ""}>
      <strong>{value}</strong>
      <span>{label}</span>
    </li>
  );
}
