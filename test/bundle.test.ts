import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = join(root, "node_modules/node/bin/node");

test("the bundle needs nothing but itself, also for what is loaded only when it is needed", () => {
  const folder = mkdtempSync(join(tmpdir(), "atoll-bundle-"));
  try {
    execFileSync(node, [join(root, "tools/bundle.mjs"), folder], { stdio: ["ignore", "ignore", "pipe"] });
    const run = (...args: string[]) => execFileSync(node, args, { cwd: folder, encoding: "utf8" });
    for (const command of ["atoll", "atollctl", "atoll-dp"]) expect(run(join(folder, `${command}.js`), "--help")).toContain("Usage:");
    const listed = run(
      "--input-type=module",
      "--eval",
      `import { createRequire } from "node:module"; const { registry } = createRequire(${JSON.stringify(join(folder, "chunks/any.js"))})("@atoll/envoy-api/registry"); console.log(registry.getMessage("envoy.config.listener.v3.Listener").typeName);`,
    );
    expect(listed.trim()).toBe("envoy.config.listener.v3.Listener");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
