import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Which packages each package may import: the picture in docs/architecture.md. Arrows point one way; whoever needs another arrow
 * changes this table first, and says why in the commit.
 */
const allowed: Record<string, string[]> = {
  "packages/resource": [],
  "packages/facts": [],
  "packages/envoy-api": [],
  "packages/kds-api": [],
  "packages/caller": [],
  "packages/yaml": [],
  "packages/chart": [],
  "packages/runtime": ["caller", "resource", "yaml"],
  "packages/secret": ["resource"],
  "packages/policy": ["resource"],
  "packages/event-log": ["resource", "kds-api"],
  "packages/inventory": ["resource"],
  "packages/token": ["resource", "secret"],
  "packages/certificate": ["resource", "secret"],
  "packages/names": ["policy", "resource"],
  "packages/view": ["facts", "names", "policy", "resource"],
  "packages/xds": ["envoy-api"],
  "packages/replica": ["event-log", "resource"],
  "packages/rollout": ["event-log", "replica", "resource"],
  "packages/translate": ["view", "envoy-api", "resource"],
  "packages/compiler": [
    "certificate",
    "envoy-api",
    "facts",
    "inventory",
    "policy",
    "replica",
    "resource",
    "secret",
    "translate",
    "view",
    "xds",
  ],
  "packages/kds": ["event-log", "kds-api", "replica", "resource", "secret", "token"],
  "packages/sync": ["event-log", "inventory", "kds", "names", "replica", "resource"],
  "packages/api": [
    "caller",
    "certificate",
    "event-log",
    "inventory",
    "policy",
    "replica",
    "resource",
    "rest-answers",
    "rollout",
    "secret",
    "token",
    "view",
  ],
  "packages/dp-server": [
    "certificate",
    "compiler",
    "envoy-api",
    "event-log",
    "kds",
    "replica",
    "resource",
    "secret",
    "token",
    "translate",
    "view",
    "xds",
  ],
  "packages/rest-answers": ["resource"],
  "packages/dashboard": ["rest-answers"],
  "packages/kubernetes": ["resource", "yaml"],
  "packages/kubernetes-client": ["kubernetes", "yaml"],
  "packages/transparent-proxy": ["resource"],
  "packages/kubernetes-admission": ["kubernetes", "resource", "transparent-proxy", "yaml"],
  "packages/kubernetes-controllers": ["certificate", "kubernetes", "names", "policy", "resource", "yaml"],
  "packages/cli": [
    "certificate",
    "chart",
    "kubernetes",
    "kubernetes-client",
    "resource",
    "rest-answers",
    "runtime",
    "service-global",
    "service-kubernetes",
    "service-tokens",
    "service-xds",
    "service-zone",
    "token",
    "transparent-proxy",
    "view",
    "yaml",
  ],
  "services/global": [
    "api",
    "certificate",
    "event-log",
    "inventory",
    "kds",
    "replica",
    "resource",
    "rollout",
    "runtime",
    "secret",
    "sync",
    "token",
    "translate",
    "yaml",
  ],
  "services/zone": [
    "api",
    "certificate",
    "event-log",
    "inventory",
    "kds",
    "names",
    "replica",
    "resource",
    "runtime",
    "secret",
    "sync",
    "token",
  ],
  "services/xds": [
    "certificate",
    "compiler",
    "dp-server",
    "event-log",
    "inventory",
    "kds",
    "kubernetes-client",
    "replica",
    "resource",
    "runtime",
    "secret",
    "sync",
    "token",
    "xds",
    "yaml",
  ],
  "services/kubernetes": [
    "api",
    "certificate",
    "event-log",
    "kds",
    "kubernetes",
    "kubernetes-admission",
    "kubernetes-client",
    "kubernetes-controllers",
    "replica",
    "resource",
    "runtime",
    "secret",
  ],
  "services/tokens": ["caller", "certificate", "event-log", "kds", "replica", "resource", "runtime", "secret", "token"],
};

const packagesIn = (folder: string) =>
  readdirSync(join(root, folder)).filter((name) => existsSync(join(root, folder, name, "package.json")));
const manifest = (path: string) =>
  JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
const internal = (path: string) =>
  Object.keys(manifest(path).dependencies ?? {})
    .filter((name) => name.startsWith("@atoll/"))
    .map((name) => name.slice("@atoll/".length))
    .sort();

test("every package is in the table", () => {
  const found = [...packagesIn("packages").map((name) => `packages/${name}`), ...packagesIn("services").map((name) => `services/${name}`)];
  expect(found.sort()).toEqual(Object.keys(allowed).sort());
});

test.each(Object.keys(allowed))("%s has its row in docs/architecture.md", (path) => {
  expect(readFileSync(join(root, "docs/architecture.md"), "utf8")).toContain(`| \`${path}\` |`);
});

test.each(Object.entries(allowed))("%s imports only what it may", (path, names) => {
  expect(internal(path).filter((name) => !names.includes(name))).toEqual([]);
});

const only: Record<string, string> = {
  "@grpc/grpc-js": "the log relay, the registration of zones, the xDS server, and metrics of proxies to a collector",
  fastify: "HTTP",
  pino: "logging",
  jose: "tokens",
  "@peculiar/x509": "certificates",
  "node:sqlite": "the embedded log",
  yaml: "YAML: what is read goes through @atoll/yaml",
  "@opentelemetry/api": "where spans begin and end, and what carries them on",
  "@opentelemetry/sdk-trace": "sending spans",
  "@opentelemetry/sdk-metrics": "sending metrics",
  "@opentelemetry/exporter-trace-otlp-http": "sending spans",
  "@opentelemetry/exporter-metrics-otlp-http": "sending metrics",
  "@opentelemetry/otlp-transformer": "sending metrics of proxies",
};
const owners: Record<string, string[]> = {
  "@grpc/grpc-js": ["packages/event-log", "packages/kds", "packages/xds", "packages/dp-server", "packages/runtime"],
  fastify: ["packages/api", "packages/runtime", "services/tokens"],
  pino: ["packages/runtime"],
  jose: ["packages/token"],
  "@peculiar/x509": ["packages/certificate"],
  "node:sqlite": ["packages/event-log"],
  yaml: ["packages/yaml", "packages/chart", "packages/cli", "packages/dp-server"],
  "@opentelemetry/api": ["packages/api", "packages/event-log", "packages/kds", "packages/runtime", "packages/token"],
  "@opentelemetry/sdk-trace": ["packages/runtime"],
  "@opentelemetry/sdk-metrics": ["packages/runtime"],
  "@opentelemetry/exporter-trace-otlp-http": ["packages/runtime"],
  "@opentelemetry/exporter-metrics-otlp-http": ["packages/runtime"],
  "@opentelemetry/otlp-transformer": ["packages/runtime"],
};

test.each(Object.keys(only))("%s is imported only by its owners", (dependency) => {
  const importers = Object.keys(allowed).filter((path) =>
    sources(join(root, path, "src")).some(
      (file) => !file.endsWith(".test.ts") && readFileSync(file, "utf8").includes(`from "${dependency}"`),
    ),
  );
  expect(importers.filter((path) => !owners[dependency]!.includes(path))).toEqual([]);
});

function sources(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}
