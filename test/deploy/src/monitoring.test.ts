import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { metricsIn } from "./promql.ts";
import { deploy, root } from "./root.ts";

/** Metrics in the table of docs/operating.md, which test/e2e/src/telemetry.test.ts compares with what the services show. */
const documented = new Map(
  [...readFileSync(join(root, "docs/operating.md"), "utf8").matchAll(/^\| `(atoll_\w+)(?:\{([\w,]+)\})?` \| [\w, ]+ \| (.+) \|$/gm)].map(
    ([, name, labels = "", about]) => [name!, { labels: labels.split(","), isHistogram: about!.startsWith("histogram") }],
  ),
);

/** Of Prometheus and of Node, not ours. */
const foreign = ["up", "process_resident_memory_bytes", "process_cpu_seconds_total", "nodejs_eventloop_lag_p99_seconds"];

function expectKnown(expression: string): void {
  for (const name of metricsIn(expression)) {
    if (foreign.includes(name)) continue;
    const [, base, part] = /^(.+?)(_bucket|_count|_sum)?$/.exec(name)!;
    const metric = documented.get(base!);
    expect([expression, name, metric !== undefined, metric?.isHistogram]).toEqual([expression, name, true, part !== undefined]);
  }
  const [, labels = ""] = /by \(([\w, ]+)\)/.exec(expression) ?? [];
  const used = labels.split(", ").filter((label) => !["", "le", "instance"].includes(label));
  const there = metricsIn(expression).flatMap((name) => documented.get(name.replace(/_(bucket|count|sum)$/, ""))?.labels ?? []);
  for (const label of used) expect([expression, ...there]).toContain(label);
}

test("alert rules are PromQL over metrics that exist, each with what to read when it fires", () => {
  const { groups } = parse(readFileSync(join(deploy, "prometheus/alerts.yaml"), "utf8")) as {
    groups: { rules: { alert: string; expr: string; labels: { severity: string }; annotations: { summary: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  expect(rules.length).toBeGreaterThan(10);
  for (const { alert, expr, labels, annotations } of rules) {
    expectKnown(expr);
    expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)]);
    expect(annotations.summary.length).toBeGreaterThan(10);
  }
});

test("every panel of the dashboard reads metrics that exist, and none lies on another", () => {
  const { panels, uid } = JSON.parse(readFileSync(join(deploy, "grafana/atoll.json"), "utf8")) as {
    uid: string;
    panels: {
      id: number;
      title: string;
      type: string;
      gridPos: { x: number; y: number; w: number; h: number };
      targets?: { expr: string }[];
    }[];
  };
  expect(uid).toBe("atoll");
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, type, targets = [], gridPos } of panels) {
    expect([title, targets.length > 0]).toEqual([title, type !== "row"]);
    for (const { expr } of targets) expectKnown(expr);
    for (let { x } = gridPos; x < gridPos.x + gridPos.w; x++)
      for (let { y } = gridPos; y < gridPos.y + gridPos.h; y++) {
        expect([title, x, y, x < 24 && !taken.has(`${x}/${y}`)]).toEqual([title, x, y, true]);
        taken.add(`${x}/${y}`);
      }
  }
});

test("a metric that is made up, and what is not PromQL, are found", () => {
  expect(() => expectKnown("sum(atoll_no_such_total)")).toThrow();
  expect(() => metricsIn("sum(rate(atoll_acks_total[5m])")).toThrow("not PromQL");
});
