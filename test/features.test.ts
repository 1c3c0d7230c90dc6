import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const text = readFileSync(join(root, "docs", "features.md"), "utf8");
const quoted = [...text.matchAll(/`([^`]+)`/g)].map(([, inside]) => inside!);

/** What docs/features.md names as proof has to exist: a test that is renamed takes its row along. */
describe("docs/features.md", () => {
  const named = quoted.flatMap((one) => {
    const parts = /^([a-z-]+): (.+)$/.exec(one);
    if (!parts) return [];
    const file = join(root, "test", "e2e", "src", `${parts[1]}.test.ts`);
    return existsSync(file) ? [[one, file, parts[2]!] as const] : [];
  });

  test("names tests in plenty", () => expect(named.length).toBeGreaterThan(50));

  test.each(named)("%s", (_one, file, name) => {
    const source = readFileSync(file, "utf8").replaceAll("$caller", "").replaceAll("$kind", "");
    // A describe that runs for several callers has the caller's name in its title.
    for (const title of name.split(" > ").filter((part) => !/^(policies|ProxyTemplate|TrafficLog) on a /.test(part)))
      for (const words of title.split("...").map((part) => part.trim().replace(/,$/, "")))
        if (words !== "") expect(source).toContain(words);
  });

  test.each(quoted.filter((one) => one.startsWith("view/") && one !== "view/NAME"))("%s", (golden) => {
    expect(existsSync(join(root, "packages", "view", "testdata", "out", `${golden.slice("view/".length)}.yaml`))).toBe(true);
  });

  test.each(quoted.filter((one) => /^packages\/.*\.test\.ts/.test(one)))("%s", (place) => {
    const [file, name = ""] = place.split(/: (.*)/);
    expect(readFileSync(join(root, file!), "utf8")).toContain(name);
  });
});
