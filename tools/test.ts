/**
 * All checks and all tests. Ends with the line `N passed, N failed`, and with status 1 unless none failed.
 *
 *   npm test                 format, lint, types, then every test
 *   npm test -- packages/xds only tests whose file matches
 *   npm test -- --without kubernetes   all but those on a real cluster; with CI=true nothing is left out
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureCommand } from "../test/testkit/src/ensure-command.ts";
import { whatIsMissing } from "../test/kubernetes/src/machine.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { filters, without } = split(process.argv.slice(2));
let passed = 0;
let failed = 0;

/** What is vitest's: all but `--without`. */
function split(args: string[]): { filters: string[]; without: string[] } {
  const { tokens, values } = parseArgs({ args, options: { without: { type: "string", multiple: true } }, strict: false, tokens: true });
  const own = new Set(
    tokens.flatMap((token) =>
      token.kind === "option" && token.name === "without" ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])] : [],
    ),
  );
  const left = process.env["CI"] === "true" ? [] : (values.without ?? []).map(String);
  return { filters: args.filter((_, index) => !own.has(index)), without: left };
}

// Building a cluster takes longer than anything else, and its tests are the last ones: it goes on beside the others.
const hasKubernetes =
  !without.includes("kubernetes") && (filters.length === 0 || filters.some((filter) => filter.includes("test/kubernetes")));
if (hasKubernetes) {
  const missing = whatIsMissing();
  if (missing && process.env["CI"] !== "true") {
    console.log(`no Kubernetes cluster can run here, and its tests are left out: ${missing}`);
    without.push("kubernetes");
  } else if (!missing) {
    const building = spawn(process.execPath, [...process.execArgv, join(root, "test/kubernetes/src/main.ts"), "build"], {
      stdio: "ignore",
    });
    process.once("exit", () => building.kill());
  }
}

function check(name: string, command: string, args: string[]): void {
  process.stdout.write(`${name}: `);
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status === 0) {
    passed++;
    console.log("ok");
    return;
  }
  failed++;
  console.log(`failed\n${result.stdout ?? ""}${result.stderr ?? ""}`);
}

if (filters.length === 0) {
  check("format", "oxfmt", ["--check", "."]);
  check("lint", "oxlint", ["--type-aware"]);
  check("types", "tsc", ["-b"]);
}

// Before any test waits for one of them: what the tests of Kafka, Redis and delegated gateways need of the machine. A test that misses one says so.
for (const [command, args, debianPackage] of [
  ["java", ["-version"], "default-jre-headless"],
  ["mvn", ["--version"], "maven"],
  ["redis-server", ["--version"], "redis-server"],
  ["nginx", ["-v"], "nginx"],
  ["haproxy", ["-v"], "haproxy"],
  ["chromium", ["--version"], "chromium"],
] as const) {
  try {
    ensureCommand(command, args, debianPackage, `there is no ${command}: tests that need it will fail`);
  } catch (error) {
    console.log((error as Error).message);
  }
}

const report = join(mkdtempSync(join(tmpdir(), "atoll-test-")), "report.json");
const leftOut = without.map((project) => `--project=!${project}`);
const status = spawnSync(
  "vitest",
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...leftOut, ...filters],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(filters.length === 0 && { ATOLL_TEST_ALL: "1" }) },
  },
).status;
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(readFileSync(report, "utf8"));
  passed += numPassedTests;
  // A file that cannot be loaded has no tests of its own to fail.
  const broken = testResults.filter(
    (file: { status: string; assertionResults: unknown[] }) => file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  failed += numFailedTests + broken;
  if (status !== 0 && failed === 0) failed += Math.max(1, numFailedTestSuites);
} catch {
  failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
