import { setTimeout as pause } from "node:timers/promises";
import type { StackKind } from "@atoll/demo/backends";
import { readDocuments, pathOf, startTopology, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { bareKafka, durableAppends, envoyApplyTime } from "./floors.ts";
import { writePolicies } from "./many-policies.ts";
import { CpuWatch, type ProcessCpu } from "./process-cpu.ts";
import { firstAnswer, RouteWatch } from "./route-watch.ts";
import { stagesOf, type Round, type StageTimes } from "./stages.ts";
import { readTimelines } from "./timelines.ts";

export interface PropagationOptions {
  stack: StackKind;
  rounds: number;
  warmUp: number;
  /** Between the effect of one change and the next change. */
  pauseMs: number;
  /** Policies with a `targetRef` that are there before, and fifty services they are about. */
  policies: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface PropagationResult {
  stack: StackKind;
  rounds: StageTimes[];
  requests: number;
  failures: Record<string, number>;
  requestMs: number[];
  /** Spent over all changes, with what goes on all the time: the requests through four hops are not free either. */
  cpu: ProcessCpu[];
  floors: { durableAppendMs: number[]; bareKafkaMs: number[]; envoyApplyMs: { p50: number; p99: number } | null };
}

const header = "x-round";
const limitMs = 10_000;
/** No change shows sooner: until then nobody asks, so that asking does not take the processor from what is measured. */
const earliestMs = 2;

/**
 * Changes a route on global, again and again, and measures when the gateway of zone east first answers by it: a redirect of its own, asked
 * for without a pause by one client, then a request that goes all four hops to a service in zone west. Another client asks for
 * that service all the time.
 */
export async function measurePropagation(options: PropagationOptions): Promise<PropagationResult> {
  const { rounds, warmUp, signal, onProgress } = options;
  return withStack({ zones: ["east", "west"], kind: options.stack, onProgress }, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => onProgress(`start ${what}`));
    const url = `http://127.0.0.1:${ports.edgePort}`;
    const global = new Client(stack.url);
    const gateway = new Client(url);
    let watch: RouteWatch | undefined;
    try {
      await eventually(async () => (await fetch(`${url}/orders`)).status === 200, { limitMs: 60_000, everyMs: 50 });
      if (options.policies > 0) await writePolicies(stack, "east", options.policies, signal);
      const route = readDocuments("gateways", ports).find((document) => document.type === "MeshGatewayRoute" && document.name === "edge")!;
      watch = new RouteWatch(url, "/orders");
      const measured: Round[] = [];
      const cpu = new CpuWatch(stack, topology);
      for (let number = 1; number <= warmUp + rounds; number++) {
        signal.throwIfAborted();
        if (number === warmUp + 1) cpu.begin();
        const value = String(number);
        const body = JSON.stringify(withRound(route, value));
        const effect = firstAnswer(gateway, "/round", ["location", `${url}/${value}`], { earliestMs, limitMs });
        effect.catch(() => undefined);
        const sentAt = monotonicMs();
        const answer = await global.request({ method: "PUT", path: pathOf(route), headers: { "content-type": "application/json" }, body });
        const answeredAt = monotonicMs();
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(`the change was refused: ${answer.statusCode} ${text}`);
        const effectAt = await effect;
        const throughAt = await firstAnswer(gateway, "/orders", [header, value], { earliestMs: 0, limitMs });
        const round = { revision: Number(answer.headers["atoll-revision"]), sentAt, answeredAt, effectAt, throughAt };
        if (number > warmUp) measured.push(round);
        await pause(options.pauseMs);
      }
      const spent = cpu.spent();
      const { requests, failures, durationsMs } = await watch.stop();
      watch = undefined;
      const timelines = await readTimelines(stack, stack.zones["east"]!);
      const durableAppendMs = durableAppends(stack.workDir, 300, JSON.stringify(route).length);
      const bareKafkaMs = stack.brokers === undefined ? [] : await bareKafka(stack.brokers, 300, JSON.stringify(route).length);
      const envoyApplyMs = await envoyApplyTime(ports.adminBase * 10 + 1);
      return {
        stack: options.stack,
        rounds: measured.map((round) => stagesOf(round, timelines, "default.edge-1")),
        requests,
        failures,
        requestMs: durationsMs,
        cpu: spent,
        floors: { durableAppendMs, bareKafkaMs, envoyApplyMs },
      };
    } finally {
      await watch?.stop();
      await global.close();
      await gateway.close();
      await topology.close();
    }
  });
}

/** Answers `/round` with a redirect that names the round, and marks what comes from the service. */
export function withRound(route: Record<string, unknown>, value: string): Record<string, unknown> {
  const changed = structuredClone(route) as { conf: { http: { rules: Record<string, unknown>[] } } };
  const { rules } = changed.conf.http;
  rules[0]!["filters"] = [{ responseHeader: { set: [{ name: header, value }] } }];
  rules.push({
    matches: [{ path: { match: "EXACT", value: "/round" } }],
    filters: [{ redirect: { path: { replaceFull: `/${value}` }, statusCode: 302 } }],
  });
  return changed as unknown as Record<string, unknown>;
}
