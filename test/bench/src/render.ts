import { markdownTable } from "./markdown-table.ts";
import type { ColdStart, ColdStartResult } from "./coldstart.ts";
import type { EndpointsResult } from "./endpoints.ts";
import type { GatewayResult } from "./gateway.ts";
import type { ProcessFigures } from "./memory.ts";
import type { ProcessCpu } from "./process-cpu.ts";
import { spread } from "./percentiles.ts";
import type { PropagationResult } from "./propagation.ts";
import type { WritesResult } from "./writes.ts";
import type { ScaleResult } from "./scale.ts";
import type { SizeResult } from "./size.ts";
import { stageTitles } from "./stages.ts";

const ms = (value: number) => (Number.isNaN(value) ? "-" : value.toFixed(2));

function figures(title: string, values: readonly number[]): string[] {
  const { p50, p90, p99, max } = spread(values);
  return [title, ...[p50, p90, p99, max].map(ms)];
}

const spreadTable = (rows: readonly (readonly string[])[]) => markdownTable(["ms", "p50", "p90", "p99", "max"], rows);
const onStack = { embedded: "embedded log", kafka: "log in Kafka" } as const;

/** Of each process and all together, for each of `count`; and, where they took so many seconds, the share of a core. */
function cpuTable(cpu: readonly ProcessCpu[], title: string, count: number, seconds?: number): string {
  const spent = [...cpu, { name: "all", cpuMs: cpu.reduce((sum, one) => sum + one.cpuMs, 0) }];
  return markdownTable(
    ["process", ...(seconds === undefined ? [] : ["of a core (%)"]), title],
    spent.map(({ name, cpuMs }) => [
      name,
      ...(seconds === undefined ? [] : [(cpuMs / seconds / 10).toFixed(0)]),
      (cpuMs / count).toFixed(3),
    ]),
  );
}

export function renderPropagation({ rounds, requests, failures, requestMs, cpu, floors }: PropagationResult): string {
  // Where some changes went another way, a row says how many it is about.
  const stages = stageTitles.flatMap(([stage, title]) => {
    const times = rounds.flatMap((round) => round[stage] ?? []);
    if (times.length === 0) return [];
    return [figures(times.length === rounds.length ? title : `${title} (${times.length} changes)`, times)];
  });
  const { envoyApplyMs, durableAppendMs } = floors;
  const failed = Object.values(failures).reduce((sum, one) => sum + one, 0);
  return [
    spreadTable(stages),
    "",
    `${rounds.length} changes; ${requests} requests through four hops meanwhile, ${failed} failed${failed === 0 ? "" : ` (${JSON.stringify(failures)})`}.`,
    "",
    cpuTable(cpu, "CPU for each change (ms)", rounds.length),
    "",
    "What the machine and Envoy need at least, measured in the same run:",
    "",
    spreadTable([
      figures("one durable append to SQLite", durableAppendMs),
      ...(floors.bareKafkaMs.length > 0 ? [figures("bare kafkajs, produced to consumed", floors.bareKafkaMs)] : []),
      figures("one request through the four hops", requestMs),
      [
        "Envoy's own time to apply a route update",
        envoyApplyMs === null ? "-" : ms(envoyApplyMs.p50),
        "-",
        envoyApplyMs === null ? "-" : ms(envoyApplyMs.p99),
        "-",
      ],
    ]),
  ].join("\n");
}

export function renderScale({ services, dataplanes, registration, steps, durableAppendMs }: ScaleResult): string {
  const [first] = steps;
  const row = (title: string, timesOf: (step: ScaleResult["steps"][number]) => readonly number[]): string[] => [
    title,
    ...steps.map((step) => {
      const { p50, max } = spread(timesOf(step));
      return `${ms(p50)} / ${ms(max)} (${(p50 / spread(timesOf(first!)).p50).toFixed(1)} x)`;
    }),
  ];
  return [
    `${dataplanes} Dataplanes of ${services} services, registered by API. p50 / worst in ms (p50 against that of the first column), beside so many unrelated routes:`,
    "",
    markdownTable(
      ["", ...steps.map(({ unrelated }) => `${unrelated}`)],
      [
        row("route: PUT answered to served by the gateway", ({ routeMs }) => routeMs),
        row("instance: PUT answered to listed in the other zone", ({ instanceMs }) => instanceMs),
        row("policy of one proxy: PUT sent to acknowledged", ({ policyMs }) => policyMs),
      ],
    ),
    "",
    `The Dataplanes were registered in ${registration.seconds.toFixed(1)} s, eight at once:`,
    "",
    cpuTable(registration.cpu, "CPU for each Dataplane (ms)", dataplanes, registration.seconds),
    "",
    spreadTable([figures("one durable append to SQLite", durableAppendMs)]),
  ].join("\n");
}

export function renderMemory(processes: readonly ProcessFigures[]): string {
  return markdownTable(
    ["process", "ready after (ms)", "resident at first (MB)", "after the changes (MB)"],
    processes.map(({ name, readyAfterMs, startedMb, changedMb }) => [
      name,
      readyAfterMs.toFixed(0),
      startedMb.toFixed(0),
      changedMb.toFixed(0),
    ]),
  );
}

export function renderSize({ resources, resourceBytes, processes, globalLogMb, zoneLogMb, backupMb, backupMs }: SizeResult): string {
  return [
    `${resources.toLocaleString("en")} routes of ${resourceBytes} bytes, each written once and changed once in change sets of 50, in a zone without proxies.`,
    "",
    markdownTable(
      ["process", "resident without them (MB)", "with them (MB)", "ready after a restart (ms)"],
      processes.map(({ name, emptyMb, fullMb, restartedMs }) => [name, emptyMb.toFixed(0), fullMb.toFixed(0), restartedMs.toFixed(0)]),
    ),
    "",
    `On disk: ${globalLogMb.toFixed(1)} MB on global, ${zoneLogMb.toFixed(1)} MB in the zone. \`atoll log export\`, compressed: ${backupMb.toFixed(1)} MB in ${(backupMs / 1000).toFixed(1)} s.`,
  ].join("\n");
}

export function renderWrites(result: WritesResult): string {
  const { stack, clients, acknowledged, seconds, durationsMs, propagationMs, behindMs, cpu, floors } = result;
  const rate = (acknowledged / seconds).toFixed(0);
  const around = [
    result.zones ? "two zones and their proxies connected" : "without zones",
    ...(result.resources > 0 ? [`${result.resources.toLocaleString("en")} routes that concern nobody`] : []),
  ].join(", ");
  return [
    `${rate} acknowledged writes a second (${onStack[stack]}): ${clients} clients, each with one PUT under way, for ${seconds} s, ${around}.`,
    "",
    spreadTable([
      figures("a PUT, sent to answered", durationsMs),
      ...(propagationMs.length > 0
        ? [figures(`meanwhile, PUT of a route → the gateway's Envoy answers by it (${propagationMs.length} changes)`, propagationMs)]
        : []),
      ...(behindMs.length > 0 ? [figures("after the last answer, until every xDS server has folded it", behindMs)] : []),
      figures("floor: one durable append to SQLite", floors.durableAppendMs),
      ...(floors.bareKafkaMs.length > 0 ? [figures("floor: bare kafkajs, produced to consumed", floors.bareKafkaMs)] : []),
    ]),
    "",
    cpuTable(cpu, "CPU for each write (ms)", acknowledged, seconds),
  ].join("\n");
}

export function renderEndpoints({ stack, listedMs, askMs, cpu, floors }: EndpointsResult): string {
  return [
    `${listedMs.length} new instances (${onStack[stack]}).`,
    "",
    spreadTable([
      figures("its proxy connects in west → the gateway's Envoy in east lists it", listedMs),
      figures("of that, asking Envoy once", askMs),
      figures("floor: one durable append to SQLite", floors.durableAppendMs),
      ...(floors.bareKafkaMs.length > 0 ? [figures("floor: bare kafkajs, produced to consumed", floors.bareKafkaMs)] : []),
    ]),
    "",
    cpuTable(cpu, "CPU for each instance (ms)", listedMs.length),
  ].join("\n");
}

export function renderColdStart({ stack, resources, empty, full }: ColdStartResult): string {
  const median = (starts: readonly ColdStart[], figure: keyof ColdStart) => spread(starts.map((one) => one[figure])).p50.toFixed(0);
  const row = (title: string, time: "syncMs" | "xdsMs", memory: "syncMb" | "xdsMb") => [
    title,
    median(empty, time),
    median(full, time),
    spread(full.map((one, index) => one[time] - (empty[index]?.[time] ?? NaN))).p50.toFixed(0),
    median(full, memory),
  ];
  return [
    `Medians of ${full.length} starts of a process without any state until it is ready and has the whole configuration (${onStack[stack]}).`,
    "",
    markdownTable(
      ["", "empty (ms)", `${resources} resources (ms)`, "more (ms)", "resident (MB)"],
      [row("a zone's sync service", "syncMs", "syncMb"), row("then its xDS server", "xdsMs", "xdsMb")],
    ),
  ].join("\n");
}

export function renderGateway(result: GatewayResult): string {
  const { stack, routes, buildMs, ackMs, totalMs, built, proxies, updates, held, envoyApplyMs } = result;
  const share = spread(built).p50;
  return [
    `One route of ${routes}, to ${routes} services, changed ${totalMs.length} times (${onStack[stack]}).`,
    "",
    spreadTable([
      figures("PUT sent → ACKed by the gateway's Envoy", totalMs),
      figures("· built, from the change folded in the xDS server", buildMs),
      figures("· pushed and ACKed", ackMs),
      [
        "floor: Envoy's own time to apply it",
        envoyApplyMs === null ? "-" : ms(envoyApplyMs.p50),
        "-",
        envoyApplyMs === null ? "-" : ms(envoyApplyMs.p99),
        "-",
      ],
    ]),
    "",
    `Rebuilt: ${share} of ${proxies} proxies. Sent anew for a change, by Envoy's count: ${updates.routes.toFixed(1)} route configurations, ` +
      `${updates.clusters.toFixed(1)} cluster updates of ${held.clusters} clusters, ${updates.endpoints.toFixed(1)} endpoint sets, ` +
      `${updates.listeners.toFixed(1)} listener updates of ${held.listeners}.`,
  ].join("\n");
}
