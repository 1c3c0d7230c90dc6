#!/usr/bin/env node
/**
 * Bundles the commands (atoll, atollctl, atoll-dp) into `build/`, or the folder given: what is deployed, and what demo, tests and benchmarks run. A
 * bundled service starts in half the time and with two thirds of the memory of one run from its sources.
 */
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { build } from "vite";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = resolve(process.argv[2] ?? join(root, "build"));
const commands = ["atoll", "atollctl", "atoll-dp"];

const bundle = await rolldown({
  input: {
    ...Object.fromEntries(commands.map((name) => [name, join(root, "packages/cli/src", `${name}.ts`)])),
    "envoy-registry": join(root, "packages/envoy-api/src/registry.ts"),
    re2: join(dirname(createRequire(join(root, "packages/resource/package.json")).resolve("re2js")), "index.js"),
  },
  platform: "node",
  resolve: { conditionNames: ["@atoll/source", "import", "node", "default"] },
  external: [/^node:/],
  logLevel: "warn",
});
rmSync(out, { recursive: true, force: true });
await bundle.write({ dir: out, format: "esm", sourcemap: false, chunkFileNames: "chunks/[name]-[hash].js" });
writeFileSync(join(out, "package.json"), `${JSON.stringify({ type: "module" })}\n`);

// The web page that global and zones serve.
await build({ root: join(root, "packages/dashboard"), logLevel: "warn", build: { outDir: join(out, "gui") } });

// What the sources load only when it is needed, by the package's name: found there from within the bundle too.
function lazy(name, path, entry) {
  const folder = join(out, "node_modules", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name, type: "module", exports: { [path]: "./index.js" } })}\n`);
  writeFileSync(join(folder, "index.js"), `export * from "${"../".repeat(name.split("/").length + 1)}${entry}.js";\n`);
}
lazy("@atoll/envoy-api", "./registry", "envoy-registry");
lazy("re2js", ".", "re2");

// The chart as it is installed: with the definitions of the kinds, which come from their schemas.
const chart = join(out, "chart");
cpSync(join(root, "deploy/helm/atoll"), chart, { recursive: true });
mkdirSync(join(chart, "crds"));
writeFileSync(
  join(chart, "crds", "kuma.io.yaml"),
  execFileSync(process.execPath, [join(out, "atollctl.js"), "install", "crds"], { maxBuffer: 1 << 26 }),
);
