import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kumaSettings, loadSettings, settingPaths, settingsNotices, type KumaSetting } from "@atoll/runtime";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { allSettings } from "../src/atoll-command.ts";

const schemas = await allSettings();
const services = ["global", "zone", "xds", "kubernetes", "tokens"];
const paths = schemas.map((schema) => new Set(settingPaths(schema).map((path) => path.join("."))));
const servicesWith = (path: string) => services.filter((_service, index) => paths[index]!.has(path));

test("what the table calls used is a setting, and the rest is none", () => {
  for (const row of kumaSettings) {
    if (row.state === "used") expect([row.path, servicesWith(row.as)]).not.toEqual([row.path, []]);
    else expect([row.path, servicesWith(row.path)]).toEqual([row.path, []]);
  }
});

test("a file with every key of Kuma's is read by every service, and all that has no effect is named", () => {
  using scratch = scratchFolder();
  const file = join(scratch.path, "kuma-cp.yaml");
  const values: Record<string, unknown> = {};
  const put = (path: string, value: unknown) => {
    const parts = path.replace("*", "something").split(".");
    let node = values;
    for (const part of parts.slice(0, -1)) node = (node[part] ??= {}) as Record<string, unknown>;
    node[parts.at(-1)!] = value;
  };
  for (const row of kumaSettings) put(row.path, row.state === "ignored" ? "1s" : row.state === "refused" ? (row.harmless[0] ?? []) : null);
  put("multizone.zone.name", "default");
  writeFileSync(file, stringify(values));
  for (const schema of schemas) expect(() => loadSettings(schema, { file, env: {} })).not.toThrow();
  const notices = settingsNotices(schemas, schemas, { file, env: {} });
  expect(notices.unknownKeys).toEqual([]);
  const named = notices.ignored.flatMap(({ settings }) => settings);
  expect(named.toSorted()).toEqual(kumaSettings.filter(({ state }) => state === "ignored").map(({ path }) => path));
});

const state = (row: KumaSetting): string => {
  if (row.state === "ignored") return `no effect: ${row.why}`;
  if (row.state === "refused") {
    const harmless = row.harmless.length === 0 ? "empty" : row.harmless.map((value) => `\`${String(value)}\``).join(" or ");
    return `only ${harmless}; anything else ends the start: ${row.why}`;
  }
  return row.as === row.path ? "" : `as \`${row.as}\``;
};

test("docs/kuma-settings.md is the table", async () => {
  const rows = kumaSettings.map((row) => {
    const used = row.state === "used" ? servicesWith(row.as).join(", ") : "";
    const variable = row.variable === "" ? "only in the file" : `\`${row.variable}\``;
    return `| \`${row.path}\` | ${variable} | ${used} | ${state(row)} |`;
  });
  const page = `# Settings of kuma-cp

What Atoll does with each setting of Kuma 2.10's control plane. A file that \`kuma-cp run -c\` reads can be given to \`atoll run SERVICE -c\`
as it is, and \`KUMA_*\` variables count. At the start the log names what was given and has no effect, and why; what would be dangerous to
leave aside ends the start with its name. Durations are written as in Kuma (\`10s\`). Every setting of Atoll's own:
[operating](operating.md#settings).

The page is made from the code (\`packages/runtime/src/kuma-settings.ts\`) and checked by a test.

| setting | variable | read by | otherwise |
|---|---|---|---|
${rows.join("\n")}
`;
  await expect(page).toMatchFileSnapshot(fileURLToPath(new URL("../../../docs/kuma-settings.md", import.meta.url)));
});
