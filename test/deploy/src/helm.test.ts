import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { pythonTools } from "./python-tools.ts";
import { deploy } from "./root.ts";
import { settingsOf, type ServiceName } from "./service-settings.ts";

interface Container {
  image: string;
  args: string[];
  ports: { name: string; containerPort: number }[];
  env?: { name: string; value: string }[];
  volumeMounts: { name: string; mountPath: string; subPath?: string }[];
  readinessProbe: { httpGet: { path: string; port: string } };
  securityContext: { readOnlyRootFilesystem: boolean };
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data: Record<string, string>;
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> } & Record<string, string>;
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: Container[]; volumes: { name: string; configMap?: { name: string } }[] };
    };
    volumeClaimTemplates?: { metadata: { name: string } }[];
    ports: { port: number; targetPort: string }[];
  };
}

beforeAll(() => void pythonTools(), 180_000);

const script = fileURLToPath(new URL("../render-chart.py", import.meta.url));

/** What Helm makes of a chart, or why it refuses the values. */
function render(chart: string, values: object): { manifests: Manifest[]; refused?: string } {
  const output = execFileSync("python3", [script, join(deploy, "helm", chart), JSON.stringify(values)], {
    env: { ...process.env, PYTHONPATH: pythonTools().modules },
    encoding: "utf8",
  });
  const { files = {}, refused } = JSON.parse(output) as { files?: Record<string, string>; refused?: string };
  const manifests = Object.entries(files).flatMap(([path, text]) =>
    path.endsWith(".yaml") ? parseAllDocuments(text).map((document) => document.toJS() as Manifest) : [],
  );
  return { manifests, refused };
}

const kafka = { log: { kafka: { brokers: ["kafka-0:9092", "kafka-1:9092"] } } };
const zone = { zone: "east", globalAddress: "grpcs://global.example:5685" };
const cases = [
  { chart: "atoll-global", title: "one global on a disk of its own", values: {} },
  {
    chart: "atoll-global",
    title: "three of global on Kafka, traced",
    values: { replicas: 3, settings: kafka, tokens: { replicas: 2, settings: kafka }, otlpEndpoint: "http://collector:4318" },
  },
  { chart: "atoll-zone", title: "a zone", values: zone },
  {
    chart: "atoll-zone",
    title: "a zone with Redis, two sync services, three xDS servers, and a certificate of an authority",
    values: {
      ...zone,
      sync: { replicas: 2 },
      certificateCaKey: "ca.crt",
      settings: { inventory: { redis: { url: "redis://redis:6379" } }, multizone: { zone: { livenessGraceMs: 10_000 } } },
      xds: {
        replicas: 3,
        settings: { inventory: { redis: { url: "redis://redis:6379" } } },
        service: { type: "LoadBalancer", annotations: { a: "b" } },
      },
    },
  },
];

describe.each(cases)("$chart: $title", ({ chart, values }) => {
  let manifests: Manifest[];
  beforeAll(() => {
    const rendered = render(chart, values);
    expect(rendered.refused).toBeUndefined();
    ({ manifests } = rendered);
  });
  const workloads = () => manifests.filter(({ kind }) => kind === "StatefulSet" || kind === "Deployment");
  const settingsFiles = () => manifests.find(({ kind }) => kind === "ConfigMap")!.data;

  test("each service starts with its settings, and every one has an effect", () => {
    using folder = scratchFolder();
    for (const { spec } of workloads()) {
      const { args } = spec.template.spec.containers[0]!;
      const [, service, , path] = args as [string, ServiceName, string, string];
      const file = join(folder.path, `${service}.yaml`);
      writeFileSync(file, settingsFiles()[path.split("/").at(-1)!]!);
      const settings = settingsOf(service, { file });
      // What a setting points at is mounted there.
      const mounts = spec.template.spec.containers[0]!.volumeMounts.map(({ mountPath }) => mountPath);
      const paths = [...JSON.stringify(settings).matchAll(/"(\/(?:etc|var)\/[^"]+)"/g)].map(([, one]) => one!);
      expect(paths.length).toBeGreaterThan(0);
      for (const one of paths) expect(mounts.some((mount) => one === mount || one.startsWith(`${mount}/`))).toBe(true);
      // Services of the release are found under the names the settings give.
      for (const [, host, port] of JSON.stringify(settings).matchAll(/:\/\/(atoll-[\w-]+):(\d+)/g)) {
        const found = manifests.find(({ kind, metadata }) => kind === "Service" && metadata.name === host);
        expect(found?.spec.ports.map((one) => String(one.port))).toContain(port);
      }
    }
  });

  test("services lead to pods, probes to ports, mounts to volumes", () => {
    for (const { kind, spec } of manifests.filter((one) => ["Service", "PodDisruptionBudget"].includes(one.kind))) {
      const wanted = Object.entries(kind === "Service" ? spec.selector : spec.selector.matchLabels);
      const chosen = workloads().filter((one) => wanted.every(([name, value]) => one.spec.template.metadata.labels[name] === value));
      expect(chosen).toHaveLength(1);
      const names = chosen[0]!.spec.template.spec.containers[0]!.ports.map(({ name }) => name);
      for (const { targetPort } of spec.ports ?? []) expect(names).toContain(targetPort);
    }
    for (const { spec } of workloads()) {
      const [container] = spec.template.spec.containers;
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      expect(container!.ports.map(({ name }) => name)).toContain(container!.readinessProbe.httpGet.port);
      expect(container!.readinessProbe.httpGet.path).toBe("/readyz");
      expect(container!.securityContext.readOnlyRootFilesystem).toBe(true);
      const volumes = [
        ...spec.template.spec.volumes.map(({ name }) => name),
        ...(spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
      ];
      expect(new Set(container!.volumeMounts.map(({ name }) => name))).toEqual(new Set(volumes));
    }
  });
});

test("global's log has a disk unless it is in Kafka; traces go where values say", () => {
  const global = (values: object) =>
    render("atoll-global", values).manifests.find(({ metadata }) => metadata.name === "atoll-global")!.spec;
  expect(global({}).volumeClaimTemplates).toHaveLength(1);
  const shared = global({
    replicas: 2,
    settings: kafka,
    otlpEndpoint: "http://collector:4318",
    image: { repository: "registry.example/atoll", tag: "1" },
  });
  expect(shared.volumeClaimTemplates).toBeUndefined();
  expect(shared.replicas).toBe(2);
  const [container] = shared.template.spec.containers;
  expect(container!.env).toContainEqual({ name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://collector:4318" });
  expect(container!.image).toBe("registry.example/atoll-global:1");
});

test.each([
  ["atoll-global", { replicas: 2 }, "replicas: more than one global needs a log in Kafka: settings.log.kafka.brokers"],
  ["atoll-global", { replica: 2 }, "replica"],
  ["atoll-zone", { globalAddress: zone.globalAddress }, "/zone"],
  ["atoll-zone", { zone: "East!", globalAddress: zone.globalAddress }, "/zone"],
  ["atoll-zone", { zone: "east" }, "/globalAddress"],
] as const)("%s refuses %o", (chart, values, reason) => {
  expect(render(chart, values).refused).toContain(reason);
});
