import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Chart, renderChart, TemplateError } from "@atoll/chart";
import { golden } from "@atoll/testkit/golden";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { pythonTools } from "@atoll/testkit/python-tools";
import { deploy } from "./root.ts";
import { serviceNames, type ServiceName, startingSettingsOf } from "./service-settings.ts";

interface Container {
  name: string;
  args: [string, ServiceName, string, string];
  ports: { name: string; containerPort: number }[];
  env: { name: string; value?: string }[];
  volumeMounts: { name: string; mountPath: string }[];
  readinessProbe: { httpGet: { port: number } };
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data: Record<string, string>;
  spec: {
    selector: { matchLabels: Record<string, string> } & Record<string, string>;
    template: { metadata: { labels: Record<string, string> }; spec: { containers: Container[]; volumes: { name: string }[] } };
    ports: { port: number; targetPort: string | number }[];
  };
}

const folder = join(deploy, "helm", "atoll");
const text = (path: string) => readFileSync(join(folder, path), "utf8");
const chart: Chart = {
  metadata: parse(text("Chart.yaml")) as Chart["metadata"],
  values: parse(text("values.yaml"), { merge: true }) as Chart["values"],
  templates: Object.fromEntries(readdirSync(join(folder, "templates")).map((name) => [`templates/${name}`, text(`templates/${name}`)])),
};
const cases = fileURLToPath(new URL("../testdata/chart", import.meta.url));
const valuesOf = (name: string) => (parse(readFileSync(join(cases, "in", `${name}.yaml`), "utf8")) ?? {}) as Chart["values"];
const names = readdirSync(join(cases, "in")).map((file) => file.replace(/\.yaml$/, ""));

const pair = { Cert: "certificate", Key: "key" };
const render = (values: Chart["values"], apiVersions: string[] = []) =>
  renderChart(
    chart,
    values,
    { name: "atoll", namespace: "mesh" },
    { kubeVersion: "v1.33.0", apiVersions, lookup: () => undefined, genCA: () => pair, genSignedCert: () => pair },
  );
const documents = (files: Record<string, string>): Manifest[] =>
  Object.entries(files).flatMap(([path, content]) =>
    path.endsWith(".yaml") ? parseAllDocuments(content).flatMap((one) => (one.contents ? [one.toJS() as Manifest] : [])) : [],
  );
const notes = (files: Record<string, string>) => Object.entries(files).find(([path]) => path.endsWith("NOTES.txt"))![1];

golden<Chart["values"]>(cases, (values) => {
  const files = render(values ?? {});
  return { "objects.yaml": documents(files).map((one) => withoutDigests(one)), "notes.txt": notes(files) };
});

/** What every rendering makes anew, and what follows from texts that a golden holds anyway. */
function withoutDigests<T>(manifests: T): T {
  const drop = (key: string, value: unknown) =>
    /^checksum\//.test(key) || ["caBundle", "tls.crt", "tls.key", "ca.crt"].includes(key) ? "…" : value;
  return JSON.parse(JSON.stringify(manifests, drop)) as T;
}

describe("Helm makes the same of it", () => {
  beforeAll(() => void pythonTools(), 180_000);
  const script = fileURLToPath(new URL("../render-chart.py", import.meta.url));
  const helm = (values: object) => {
    const env = { ...process.env, PYTHONPATH: pythonTools().modules };
    const output = execFileSync("python3", [script, folder, JSON.stringify(values)], { env, encoding: "utf8" });
    return JSON.parse(output) as { files?: Record<string, string>; refused?: string };
  };
  const sorted = (manifests: Manifest[]) =>
    withoutDigests(manifests).sort((a, b) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));

  test.each(names)("%s", (name) => {
    const { files, refused } = helm(valuesOf(name));
    expect(refused).toBeUndefined();
    expect(sorted(documents(files!))).toEqual(sorted(documents(render(valuesOf(name)))));
    expect(notes(files!)).toBe(notes(render(valuesOf(name))));
  });

  test.each([
    [{ controlPlane: { mode: "global", replicas: 2 } }, "more than one global needs a log in Kafka"],
    [{ controlPlane: { mode: "global", zone: "east" } }, "controlPlane.zone: only a zone has a name"],
    [{ controlPlane: { mode: "both" } }, 'controlPlane.mode: "both" is none of global, zone, standalone'],
    [{ controlPlane: { zone: "east", kdsGlobalAddress: "https://global" } }, "has to be grpcs://host:port"],
    [{ controlPlane: { kdsGlobalAddress: "grpcs://global:5685" } }, "a zone that has a global needs a name"],
    [{ controlPlane: { mode: "global" }, ingress: { enabled: true } }, "ingress.enabled: proxies of a zone belong to a zone"],
    [{ controlPlane: { tls: { general: { secretName: "own" } } } }, "secretName and caBundle go together"],
  ])("both refuse %j", (values, reason) => {
    expect(helm(values).refused).toContain(reason);
    expect(() => render(values)).toThrow(TemplateError);
    expect(() => render(values)).toThrow(reason);
  });
});

test("a GatewayClass is made where the Gateway API is", () => {
  const class_ = (versions: string[]) => documents(render({}, versions)).find(({ kind }) => kind === "GatewayClass");
  expect(class_(["gateway.networking.k8s.io/v1/GatewayClass"])).toMatchObject({ apiVersion: "gateway.networking.k8s.io/v1" });
  expect(class_([])).toBeUndefined();
});

describe.each(names)("%s", (name) => {
  const manifests = documents(render(valuesOf(name)));
  const deployments = manifests.filter(({ kind }) => kind === "Deployment");
  const controlPlane = deployments.find(({ metadata }) => metadata.name === "kuma-control-plane")!.spec.template.spec;

  test("every service starts with its variables and file, and what settings point at is mounted", () => {
    using scratch = scratchFolder();
    const file = join(scratch.path, "config.yaml");
    writeFileSync(
      file,
      manifests.find(({ kind, metadata }) => kind === "ConfigMap" && /-config$/.test(metadata.name))!.data["config.yaml"]!,
    );
    for (const container of controlPlane.containers) {
      const service = container.args[1];
      if (!serviceNames.includes(service)) continue;
      const env = Object.fromEntries(
        container.env.flatMap(({ name: key, value }) => (value === undefined ? [] : [[key, expanded(value)]])),
      );
      const settings = startingSettingsOf(service, { file, env }) as { diagnostics: { serverPort: number } };
      expect(settings.diagnostics.serverPort).toBe(container.readinessProbe.httpGet.port);
      const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
      for (const [, path] of JSON.stringify(settings).matchAll(/"(\/(?:etc|var)\/[^"]+)"/g))
        expect(mounts.some((mount) => path === mount || path!.startsWith(`${mount}/`))).toBe(true);
    }
  });

  test("ports of a pod are different, Services lead to them, and mounts to volumes", () => {
    for (const { spec } of deployments) {
      const { containers, volumes } = spec.template.spec;
      const ports = containers.flatMap((one) => one.ports);
      expect(new Set(ports.map(({ containerPort }) => containerPort)).size).toBe(ports.length);
      expect(new Set(ports.map((port) => port.name)).size).toBe(ports.length);
      for (const port of ports) expect(port.name.length).toBeLessThanOrEqual(15);
      for (const one of containers)
        for (const mount of one.volumeMounts) expect(volumes.map((volume) => volume.name)).toContain(mount.name);
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
    for (const { spec } of manifests.filter(({ kind }) => kind === "Service")) {
      const chosen = deployments.filter((one) =>
        Object.entries(spec.selector).every(([key, value]) => one.spec.template.metadata.labels[key] === value),
      );
      expect(chosen).toHaveLength(1);
      const ports = chosen[0]!.spec.template.spec.containers.flatMap((one) => one.ports);
      // Port 5676 is of the zone service, which does not name it.
      for (const { targetPort } of spec.ports.filter(({ port }) => port !== 5676))
        expect(ports.flatMap((port) => [port.name, port.containerPort])).toContain(targetPort);
    }
  });
});

const expanded = (value: string): string => value.replaceAll("$(POD_IP)", "10.0.0.1").replaceAll("$(POD_NAME)", "pod-1");
