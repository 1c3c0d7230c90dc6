import type { ClusterCache } from "@atoll/kubernetes-client";
import { Counter, type Diagnostics, Gauge, gaugesOf } from "@atoll/runtime";

/** What the service counts of its own work. */
export function kubernetesMetrics(
  { registry }: Diagnostics,
  state: { leads: () => boolean; waiting: () => number; refused: () => number },
) {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const calls = counter("atoll_kubernetes_api_calls_total", "Calls of the API server, by verb, kind and status (0: none came)", [
    "verb",
    "kind",
    "code",
  ]);
  const carried = counter("atoll_kubernetes_carried_total", "Resources written into the log for objects, by type and result", [
    "type",
    "result",
  ]);
  const mirrored = counter("atoll_kubernetes_mirrored_total", "Objects written for resources of the log, by type and result", [
    "type",
    "result",
  ]);
  const reconciled = counter("atoll_kubernetes_reconciliations_total", "Reconciliations, by controller and whether they wrote anything", [
    "controller",
    "wrote",
  ]);
  const reviews = counter(
    "atoll_kubernetes_admissions_total",
    "Requests of the API server's webhooks, by path and whether they were allowed",
    ["webhook", "allowed"],
  );
  const gauge = gaugesOf(registry);
  gauge("atoll_kubernetes_leads", "1 while this process is the one that writes", () => Number(state.leads()));
  gauge("atoll_kubernetes_waiting", "Keys that wait for their work", state.waiting);
  gauge("atoll_kubernetes_refused", "Objects that the control plane does not take", state.refused);
  return {
    called: (call: { verb: string; kind: string; code: number }) => calls.inc({ ...call, code: String(call.code) }),
    carried: (written: { type: string; result: string }) => carried.inc(written),
    mirrored: (written: { type: string; result: string }) => mirrored.inc(written),
    reconciled: (controller: string, writes: number) => reconciled.inc({ controller, wrote: String(writes > 0) }),
    reviewed: (webhook: string, allowed: boolean) => reviews.inc({ webhook, allowed: String(allowed) }),
  };
}

/** How many objects each kind has here. */
export function showObjects({ registry }: Diagnostics, cache: ClusterCache): void {
  new Gauge({
    name: "atoll_kubernetes_objects",
    help: "Objects that are watched, by kind",
    labelNames: ["kind"],
    registers: [registry],
    collect() {
      for (const [kind, { objects }] of Object.entries(cache.report())) this.set({ kind }, objects);
    },
  });
}
