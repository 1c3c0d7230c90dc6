import type { Findings } from "./findings.ts";
import { obstacles, toWrite, type Plan, type PlannedResource } from "./plan.ts";

export interface MigrationReport {
  plan: Plan;
  findings: Findings;
  /** Why Atoll does not take the change set, though each document alone is valid. */
  refusal?: string;
  /** Set after a write. */
  revision?: number;
}

/** The report for programs. Secrets are named, never shown. */
export function reportAsJson({ plan, findings, refusal, revision }: MigrationReport): object {
  const count = (outcome: PlannedResource["outcome"]) => plan.resources.filter((one) => one.outcome === outcome).length;
  return {
    source: plan.source,
    summary: {
      create: count("create"),
      replace: count("replace"),
      same: count("same"),
      conflict: count("conflict"),
      leftOut: count("left-out"),
      invalid: count("invalid"),
    },
    resources: plan.resources.map(({ draft: _draft, ...shown }) => shown),
    ...findings,
    obstacles: [...obstacles(plan), ...(refusal === undefined ? [] : [refusal])],
    applied: revision === undefined ? null : { revision },
  };
}

/** The report for people. */
export function reportAsText(report: MigrationReport): string {
  const { plan, findings, refusal, revision } = report;
  const { resources } = plan;
  const lines: string[] = [`From ${plan.source}: ${resources.length} resources`];
  const section = (title: string, shown: readonly string[]) => {
    if (shown.length > 0) lines.push("", title, ...shown.map((line) => `  ${line}`));
  };
  const of = (...outcomes: PlannedResource["outcome"][]) => resources.filter((one) => outcomes.includes(one.outcome));
  section("Carried over", byKind(of("create", "replace")));
  section("Takes the place of what Atoll made at its first start", byKind(of("replace")));
  section("There already", byKind(of("same")));
  section(
    "Left out",
    of("left-out").map((one) => `${nameOf(one)}: ${one.why}`),
  );
  section(
    "Not valid",
    of("invalid").flatMap((one) => [nameOf(one), ...(one.violations ?? []).map(({ field, reason }) => `  * ${field}: ${reason}`)]),
  );
  section("In conflict: Atoll has another one of that name", of("conflict").map(nameOf));
  section(
    "Tokens",
    findings.tokens.map(({ says, revocations }) => `${says}${revocations ? "; the list of revoked ones comes along" : ""}`),
  );
  section(
    "Certificate authorities",
    findings.authorities.map(({ mesh, backend, says }) => `mesh ${mesh}, backend ${backend}: ${says}`),
  );
  section("Mind", findings.attention);
  section("In the way", [...obstacles(plan), ...(refusal?.split("\n") ?? [])]);
  const count = toWrite(plan).length;
  lines.push("", count === 0 ? "Nothing to write." : "Nothing was written: --apply imports it as one change set.");
  if (revision !== undefined) lines.splice(-1, 1, `Imported ${count} resources as revision ${revision}.`);
  return `${lines.join("\n")}\n`;
}

const nameOf = ({ type, mesh, name }: PlannedResource): string => `${type} ${mesh === "" ? "" : `${mesh}/`}${name}`;

/** One line a kind: `Timeout  default/slow, default/fast`. */
function byKind(resources: readonly PlannedResource[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { type, mesh, name } of resources) groups.set(type, [...(groups.get(type) ?? []), mesh === "" ? name : `${mesh}/${name}`]);
  const width = Math.max(0, ...[...groups.keys()].map((type) => type.length));
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([type, names]) => `${type.padEnd(width)}  ${names.toSorted().join(", ")}`);
}
