/**
 * All checks and all tests. Ends with the line `N passed, N failed`, and with status 1 unless none failed.
 *
 *   npm test                 format, lint, types, then every test
 *   npm test -- packages/xds only tests whose file matches
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCommand } from "../test/testkit/src/ensure-command.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.slice(2);
let passed = 0;
let failed = 0;

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
const status = spawnSync("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...filters], {
  cwd: root,
  stdio: "inherit",
}).status;
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
