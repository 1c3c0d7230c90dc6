import { readFileSync } from "node:fs";
import { eventually } from "@atoll/testkit/eventually";
import { type OtlpCollector, startOtlpCollector } from "@atoll/testkit/otlp-collector";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonHeaders, rest, TestStack } from "./index.ts";
import { titledSpans } from "./titled-spans.ts";

// One zone and one gateway, whose services send spans and metrics to a receiver in this process.
let collector: OtlpCollector;
let atoll: TestStack;

beforeAll(async () => {
  collector = await startOtlpCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "50", OTEL_METRIC_EXPORT_INTERVAL: "500" };
  atoll = await TestStack.start(28_750, { kind: "embedded", zones: ["east"], env });
  for (const document of [...atoll.documents("meshes"), ...atoll.documents("gateways")]) await atoll.apply(document);
  await atoll.startProxy("east", atoll.document("east", "edge-1"));
  const { revision } = await atoll.replica("global");
  const applied = `http://127.0.0.1:${atoll.zone("east").ports.xdsDiagnostics}/debug/applied`;
  await eventually(async () => (await rest(applied)).json<{ applied: number | null }>().applied! >= revision, { limitMs: 20_000 });
});

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  await collector?.close();
  expect(nacks).toEqual([]);
});

const changedRoute = (mark: string) => {
  const route = atoll.document("gateways", "edge", "MeshGatewayRoute") as { conf: { http: { rules: { filters?: unknown[] }[] } } };
  route.conf.http.rules[0]!.filters = [{ responseHeader: { set: [{ name: "x-mark", value: mark }] } }];
  return route as unknown as Record<string, unknown>;
};

const spansOf = (traceId: string) => titledSpans(collector.spans, traceId);

test("one trace goes from a PUT on global to Envoy's acknowledgement, through every process on the way", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const caller = "00f067aa0ba902b7";
  const answer = await atoll.put(changedRoute("one"), { traceparent: `00-${traceId}-${caller}-01` });
  expect(answer.status).toBe(200);
  const put = "global: PUT /meshes/{mesh}/meshgatewayroutes/{name}";
  const parents = {
    [put]: caller,
    "global: validate": put,
    "global: decide": put,
    "global: append atoll.config": put,
    "global: fold": "global: append atoll.config",
    "zone: mirror atoll.config": "global: append atoll.config",
    "zone: fold": "global: append atoll.config",
    "tokens: fold": "global: append atoll.config",
    "xds: fold": "global: append atoll.config",
    "xds: build": "xds: fold",
    "xds: deliver": "xds: build",
    "xds: push RouteConfiguration": "xds: deliver",
  };
  const spans = await eventually(
    () => {
      const found = spansOf(traceId);
      const missing = Object.keys(parents).filter((title) => !found.has(title));
      if (missing.length > 0) throw new Error(`no span ${missing.join(", ")} among ${[...found.keys()].join(", ")}`);
      return found;
    },
    { limitMs: 10_000 },
  );
  expect(Object.fromEntries([...spans].map(([title, { parent }]) => [title, parent]))).toEqual(parents);
  const revision = answer.revision;
  expect(spans.get(put)!.attributes).toMatchObject({
    "atoll.mesh": "default",
    "atoll.revision": revision,
    "http.response.status_code": 200,
  });
  for (const title of ["global: fold", "zone: fold", "xds: fold"])
    expect(spans.get(title)!.attributes).toEqual({ "atoll.revision": revision, "atoll.accepted": true });
  expect(spans.get("xds: deliver")!.attributes).toEqual({ "atoll.proxy": "default.edge-1", "atoll.revision": revision });
  expect(spans.get("xds: push RouteConfiguration")!.attributes).toMatchObject({ "atoll.answer": "ACK", "atoll.revision": revision });
  const starts = ["global: append atoll.config", "zone: fold", "xds: fold", "xds: deliver"].map((title) =>
    BigInt(spans.get(title)!.startTimeUnixNano),
  );
  expect(starts.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(starts);
});

test("a request without a trace begins one, and a refusal names it", async () => {
  const refused = await atoll.call("/meshes/default/meshgatewayroutes/edge", { method: "PUT", headers: jsonHeaders, body: "{" });
  expect(refused.status).toBe(400);
  const { instance } = refused.json<{ instance: string }>();
  const span = await eventually(() => spansOf(instance).get("global: PUT /meshes/{mesh}/meshgatewayroutes/{name}"), { limitMs: 10_000 });
  expect(span!.attributes["http.response.status_code"]).toBe(400);
});

test("a request that its caller does not want recorded is not", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4737";
  const { revision } = await atoll.put(changedRoute("two"), { traceparent: `00-${traceId}-00f067aa0ba902b7-00` });
  await atoll.applied(revision);
  const { revision: later } = await atoll.put(changedRoute("three"), {
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4738-00f067aa0ba902b7-01",
  });
  await atoll.applied(later);
  await eventually(() => spansOf("4bf92f3577b34da6a3ce929d0e0e4738").has("xds: push RouteConfiguration"), { limitMs: 10_000 });
  expect([...spansOf(traceId).keys()]).toEqual([]);
});

test("a token that is asked for, and the registration of a zone, are one trace each across both services", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4739";
  const body = JSON.stringify({ mesh: "default", name: "orders-1", validFor: "1h" });
  const headers = { ...jsonHeaders, traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  expect((await atoll.call("/tokens/dataplane", { method: "POST", headers, body })).status).toBe(200);
  await eventually(() => spansOf(traceId).get("tokens: POST /tokens/dataplane")?.parent === "global: POST /tokens/dataplane", {
    limitMs: 10_000,
  });
  const registration = collector.spans.find(({ service, name }) => service === "atoll-zone" && name === "register zone")!;
  const parent = (title: string) => spansOf(registration.traceId).get(title)?.parent;
  await eventually(() => parent("global: accept zone") === "zone: register zone", { limitMs: 10_000 });
  expect(parent("global: append atoll.config")).toBe("global: accept zone");
});

/** What docs/operating.md promises: for each metric, the services that have it. */
const documented = (): Map<string, string[]> => {
  const text = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(atoll_\w+)(?:\{[\w,]+\})?` \| ([\w, ]+) \| (.+) \|$/gm)];
  return new Map(rows.map(([, name, services]) => [name!, services!.split(", ")]));
};

test("every metric is documented for the services that have it, and every documented one is there", async () => {
  const { ports } = atoll.zone("east");
  const ofService = {
    global: atoll.stack.ports.diagnostics,
    tokens: atoll.stack.ports.tokensDiagnostics,
    zone: ports.diagnostics,
    xds: ports.xdsDiagnostics,
  };
  expect(documented().size).toBeGreaterThan(25);
  for (const [service, port] of Object.entries(ofService)) {
    const { text } = await rest(`http://127.0.0.1:${port}/metrics`);
    const exported = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!).filter((name) => !/^(process|nodejs)_/.test(name));
    const promised = [...documented()].flatMap(([name, services]) => (services.includes(service) ? [name] : []));
    expect([service, exported.toSorted()]).toEqual([service, promised.toSorted()]);
  }
});

test("metrics count what happened", async () => {
  // Only services of Atoll may ask the issuer itself.
  const stranger = await rest(`http://127.0.0.1:${atoll.stack.ports.tokens}/tokens/dataplane`, {
    method: "POST",
    headers: jsonHeaders,
    body: "{}",
  });
  expect(stranger.status).toBe(401);
  const { revision } = await atoll.put(changedRoute("counted"));
  await atoll.applied(revision);
  const { ports } = atoll.zone("east");
  const value = async (port: number, series: string) => {
    const { text } = await rest(`http://127.0.0.1:${port}/metrics`);
    const line = text.split("\n").find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  const { diagnostics, tokensDiagnostics } = atoll.stack.ports;
  const put = `method="PUT",route="/meshes/{mesh}/meshgatewayroutes/{name}",status="200"`;
  expect(await value(diagnostics, `atoll_http_request_seconds_count{${put}}`)).toBeGreaterThan(0);
  expect(await value(diagnostics, "atoll_append_seconds_count")).toBeGreaterThan(0);
  expect(await value(diagnostics, 'atoll_zone_connected{zone="east"}')).toBe(1);
  expect(await value(diagnostics, 'atoll_registrations_total{result="accepted"}')).toBe(1);
  // As of the zone's last heartbeat.
  await eventually(async () => (await value(diagnostics, 'atoll_zone_lag_revisions{zone="east"}')) === 0, { limitMs: 20_000 });
  expect(await value(diagnostics, 'atoll_zone_lag_seconds{zone="east"}')).toBe(0);
  expect(await value(tokensDiagnostics, 'atoll_tokens_issued_total{kind="dataplane"}')).toBeGreaterThan(0);
  expect(await value(tokensDiagnostics, 'atoll_tokens_refused_total{kind="dataplane"}')).toBe(1);
  expect(await value(ports.diagnostics, "atoll_global_connected")).toBe(1);
  expect(await value(ports.diagnostics, 'atoll_mirror_up{topic="atoll.config",direction="down"}')).toBe(1);
  expect(await value(ports.diagnostics, "atoll_xds_servers_connected")).toBe(1);
  const type = 'type="RouteConfiguration"';
  expect(await value(ports.xdsDiagnostics, `atoll_acks_total{${type}}`)).toBeGreaterThan(0);
  expect(await value(ports.xdsDiagnostics, `atoll_push_seconds_count{${type}}`)).toBeGreaterThan(0);
  expect(await value(ports.xdsDiagnostics, "atoll_apply_delay_seconds_count")).toBeGreaterThan(0);
  expect(await value(ports.xdsDiagnostics, "atoll_proxies_connected")).toBe(1);
  expect(await value(ports.xdsDiagnostics, "atoll_proxies_behind")).toBe(0);
  expect(await value(ports.xdsDiagnostics, "atoll_pushes_unanswered")).toBe(0);
});

test("the same metrics go to the receiver of OTLP", async () => {
  const promised = (service: string) => [...documented()].flatMap(([name, services]) => (services.includes(service) ? [name] : []));
  for (const service of ["global", "tokens", "zone", "xds"]) {
    await eventually(
      () => {
        const received = [...(collector.metrics.get(`atoll-${service}`) ?? [])].filter((name) => !/^(process|nodejs)_/.test(name));
        expect([service, received.toSorted()]).toEqual([service, promised(service).toSorted()]);
        return true;
      },
      { limitMs: 10_000 },
    );
  }
});
