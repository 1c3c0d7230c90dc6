import { setTimeout as pause } from "node:timers/promises";
import { readDocuments, pathOf, startTopology, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { durableAppends, envoyApplyTime } from "./floors.ts";
import { RouteWatch } from "./route-watch.ts";
import { stagesOf, type Round, type StageTimes } from "./stages.ts";
import { readTimelines } from "./timelines.ts";

export interface PropagationOptions {
  rounds: number;
  warmUp: number;
  /** Between the effect of one change and the next change. */
  pauseMs: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface PropagationResult {
  rounds: StageTimes[];
  requests: number;
  failures: Record<string, number>;
  requestMs: number[];
  floors: { durableAppendMs: number[]; envoyApplyMs: { p50: number; p99: number } | null };
}

const header = "x-round";
const limitMs = 10_000;

/**
 * Changes a route on global, again and again, and measures when a request through the gateway of zone east first shows it. The
 * requests go all four hops to a service in zone west, one after the other over one connection.
 */
export async function measurePropagation(options: PropagationOptions): Promise<PropagationResult> {
  const { rounds, warmUp, signal, onProgress } = options;
  return withStack(["east", "west"], onProgress, async ({ stack, topologyBase }) => {
    const ports = topologyPorts(topologyBase);
    const topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => onProgress(`start ${what}`));
    const url = `http://127.0.0.1:${ports.edgePort}`;
    const global = new Client(stack.url);
    let watch: RouteWatch | undefined;
    try {
      await eventually(async () => (await fetch(`${url}/orders`)).status === 200, { limitMs: 60_000, everyMs: 50 });
      const route = readDocuments("gateways", ports).find((document) => document.type === "MeshGatewayRoute" && document.name === "edge")!;
      watch = new RouteWatch(url, "/orders", header);
      const measured: Round[] = [];
      for (let number = 1; number <= warmUp + rounds; number++) {
        signal.throwIfAborted();
        const body = JSON.stringify(withResponseHeader(route, header, String(number)));
        const effect = watch.appearance(String(number), limitMs);
        effect.catch(() => undefined);
        const sentAt = monotonicMs();
        const answer = await global.request({ method: "PUT", path: pathOf(route), headers: { "content-type": "application/json" }, body });
        const answeredAt = monotonicMs();
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(`the change was refused: ${answer.statusCode} ${text}`);
        const round = { revision: Number(answer.headers["atoll-revision"]), sentAt, answeredAt, effectAt: await effect };
        if (number > warmUp) measured.push(round);
        await pause(options.pauseMs);
      }
      const { requests, failures, durationsMs } = await watch.stop();
      watch = undefined;
      const timelines = await readTimelines(stack, stack.zones["east"]!);
      const durableAppendMs = durableAppends(stack.workDir, 300, JSON.stringify(route).length);
      const envoyApplyMs = await envoyApplyTime(ports.adminBase * 10 + 1);
      return {
        rounds: measured.map((round) => stagesOf(round, timelines, "default.edge-1")),
        requests,
        failures,
        requestMs: durationsMs,
        floors: { durableAppendMs, envoyApplyMs },
      };
    } finally {
      await watch?.stop();
      await global.close();
      await topology.close();
    }
  });
}

/** The route, setting a header on every response: a change that each request through it shows. */
export function withResponseHeader(route: Record<string, unknown>, name: string, value: string): Record<string, unknown> {
  const changed = structuredClone(route) as { conf: { http: { rules: { filters?: unknown[] }[] } } };
  changed.conf.http.rules[0]!.filters = [{ responseHeader: { set: [{ name, value }] } }];
  return changed as unknown as Record<string, unknown>;
}
