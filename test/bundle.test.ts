import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
    const lazily = (name: string, use: string) => {
      const load = `createRequire(${JSON.stringify(join(folder, "chunks/any.js"))})(${JSON.stringify(name)})`;
      return run(
        "--input-type=module",
        "--eval",
        `import { createRequire } from "node:module"; const loaded = ${load}; console.log(${use});`,
      ).trim();
    };
    const listed = lazily("@atoll/envoy-api/registry", 'loaded.registry.getMessage("envoy.config.listener.v3.Listener").typeName');
    expect(listed).toBe("envoy.config.listener.v3.Listener");
    expect(lazily("re2js", 'loaded.RE2JS.compile("a+").toString()')).toBe("a+");
    const loaded = loadedAtStart(folder, "atoll.js");
    expect(loaded.length).toBeGreaterThan(10);
    expect(loaded.filter((name) => /otlp|opentelemetry|kafka|redis/.test(name))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Files that every start of a command loads, and of those every service: what is imported with `await` inside of a function is not. */
function loadedAtStart(folder: string, entry: string): string[] {
  const found = new Set<string>();
  const look = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, path] of text.matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";/gm)) look(join(dirname(file), path!));
    // A service is loaded by the command that runs it.
    if (file.endsWith(entry)) for (const [, path] of text.matchAll(/import\("(\.[^"]+)"\)/g)) look(join(dirname(file), path!));
  };
  look(join(folder, entry));
  return [...found].map((file) => file.slice(folder.length + 1));
}
