import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { DescMessage, JsonObject, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { SecretSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { RuntimeSchema } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import { toEnvoyJson } from "@atoll/envoy-api/registry";
import { golden, goldenOutputs, scratchFolder, selfSignedPair, supportedEnvoys, validateEnvoyConfig } from "@atoll/testkit";
import type { ProxyView, SecretView } from "@atoll/view";
import { messageFault, translate, translateSecret } from "../src/index.ts";
import type { SecretMaterial } from "../src/index.ts";
import { bootstraps, staticResources } from "./static-bootstrap.ts";

const testdata = new URL("../testdata", import.meta.url).pathname;
const pair = selfSignedPair(["test"]);
/** Needs an extension that only contrib builds of Envoy have. */
const contribOnly = new Set(["sidecar-inbound-kafka"]);
const files = scratchFolder();
writeFileSync(join(files.path, "metrics.crt"), pair.certificatePem);
writeFileSync(join(files.path, "metrics.key"), pair.privateKeyPem);
const views = new Map<string, ProxyView>();
const parts = new Map<string, ReturnType<typeof staticResources>>();

golden<Partial<ProxyView>>(testdata, (input, name) => {
  const view: ProxyView = { ...emptyView(name), ...input };
  views.set(name, view);
  const resources = { ...envoyForm(view), secrets: secretsOf(view, placeholder) };
  if (!contribOnly.has(name)) parts.set(name, staticForm(view));
  const outputs = Object.entries(resources).filter(([, list]) => list.length > 0);
  return Object.fromEntries(outputs.map(([kind, list]) => [`${kind}.yaml`, list]));
});

test("the rules that everything is screened by refuse nothing that Envoy takes", () => {
  const faults = [...views.values(), ...goldenViews()].flatMap((view) => {
    const made = translate(view);
    const ofAll = <Desc extends DescMessage>(schema: Desc, list: MessageShape<Desc>[]) =>
      list.flatMap((one) => messageFault(schema, one) ?? []).map((fault) => `${view.name}: ${fault}`);
    return [
      ...ofAll(ClusterSchema, made.clusters),
      ...ofAll(ClusterLoadAssignmentSchema, made.endpoints),
      ...ofAll(ListenerSchema, made.listeners),
      ...ofAll(RouteConfigurationSchema, made.routes),
    ];
  });
  expect(views.size).toBeGreaterThan(20);
  expect(faults).toEqual([]);
});

describe.each(supportedEnvoys())("the $version Envoy that is supported accepts", ({ binary }) => {
  test("what every case becomes", { timeout: 60_000 }, async () => {
    expect(parts.size).toBeGreaterThan(20);
    for (const bootstrap of bootstraps([...parts.values()])) await validateEnvoyConfig(bootstrap, binary);
  });

  test("what every golden view of package view becomes", { timeout: 60_000 }, async () => {
    const views = goldenViews();
    expect(views.length).toBeGreaterThan(30);
    for (const bootstrap of bootstraps(views.map(staticForm))) await validateEnvoyConfig(bootstrap, binary);
  });
});

/** Views as package view makes them, but those that need a contrib build, with the lists that its golden files leave out. */
function goldenViews(): ProxyView[] {
  const folder = new URL("../../view/testdata", import.meta.url).pathname;
  return goldenOutputs<{ view: Partial<ProxyView> | null }>(folder, "yaml").flatMap(({ name, output: { view } }) => {
    const text = JSON.stringify(view);
    if (!view || text.includes("kafkaStatPrefix")) return [];
    // Envoy opens certificates and the files of access logs, and this folder is not there.
    const present = text.replaceAll("/run/kuma/metrics.", `${files.path}/metrics.`).replaceAll("/run/kuma/", "/tmp/");
    return [{ ...emptyView(name), ...(JSON.parse(present) as Partial<ProxyView>) }];
  });
}

afterAll(() => {
  parts.clear();
  files[Symbol.dispose]();
});

const emptyView = (name: string): ProxyView => ({
  kind: "sidecar",
  mesh: "default",
  name,
  zone: "east",
  listeners: [],
  routes: [],
  clusters: [],
  endpoints: [],
  secrets: [],
  runtimes: [],
});

function envoyForm(view: ProxyView) {
  const made = translate(view);
  return {
    clusters: json(ClusterSchema, made.clusters),
    endpoints: json(ClusterLoadAssignmentSchema, made.endpoints),
    listeners: json(ListenerSchema, made.listeners),
    routes: json(RouteConfigurationSchema, made.routes),
    runtimes: json(RuntimeSchema, made.runtimes),
  };
}

const secretsOf = (view: ProxyView, materialOf: (secret: SecretView) => SecretMaterial): JsonObject[] =>
  json(
    SecretSchema,
    view.secrets.map((secret) => translateSecret(secret.name, materialOf(secret))),
  );

const staticForm = (view: ProxyView) => staticResources({ ...envoyForm(view), secrets: secretsOf(view, material) });

function json<Desc extends DescMessage>(schema: Desc, messages: MessageShape<Desc>[]): JsonObject[] {
  return messages.map((message) => toEnvoyJson(schema, message) as JsonObject);
}

const isCa = ({ source }: SecretView) => ["meshCa", "allMeshCas", "ca", "adminClients"].includes(source.type);

/** Something that shows its place in the golden file. */
function placeholder(secret: SecretView): SecretMaterial {
  return isCa(secret) ? { caPem: "ca" } : { certificateChainPem: "certificate", privateKeyPem: "key" };
}

/** Something that Envoy can read. */
function material(secret: SecretView): SecretMaterial {
  return isCa(secret) ? { caPem: pair.certificatePem } : { certificateChainPem: pair.certificatePem, privateKeyPem: pair.privateKeyPem };
}
