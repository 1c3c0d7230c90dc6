#!/usr/bin/env node
/**
 * Bundles the commands (atoll, atollctl, atoll-dp) into `build/`: what is deployed, and what demo, tests and benchmarks run. A
 * bundled service starts in half the time and with two thirds of the memory of one run from its sources.
 */
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "build");
const commands = ["atoll", "atollctl", "atoll-dp"];

const bundle = await rolldown({
  input: Object.fromEntries(commands.map((name) => [name, join(root, "packages/cli/src", `${name}.ts`)])),
  platform: "node",
  resolve: { conditionNames: ["@atoll/source", "import", "node", "default"] },
  external: [/^node:/],
  logLevel: "warn",
});
rmSync(out, { recursive: true, force: true });
await bundle.write({ dir: out, format: "esm", sourcemap: false, chunkFileNames: "chunks/[name]-[hash].js" });
writeFileSync(join(out, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
