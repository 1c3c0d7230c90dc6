import { expect, test } from "vitest";
import { renderResourceYaml, renderYaml } from "./yaml-output.ts";

test("a resource is printed with its names first, then its spec, each with sorted keys", () => {
  const resource = {
    type: "TrafficPermission",
    mesh: "default",
    name: "allow",
    creationTime: "2026-01-01T00:00:00Z",
    modificationTime: "2026-01-01T00:00:00Z",
    sources: [{ match: { version: "1.0", "kuma.io/service": "*" } }],
    destinations: [{ match: { "kuma.io/service": "web", enabled: "yes" } }],
  };
  expect(renderResourceYaml(resource)).toBe(
    `creationTime: "2026-01-01T00:00:00Z"
mesh: default
modificationTime: "2026-01-01T00:00:00Z"
name: allow
type: TrafficPermission
destinations:
- match:
    enabled: "yes"
    kuma.io/service: web
sources:
- match:
    kuma.io/service: '*'
    version: "1.0"
`,
  );
});

test("a resource without a spec is its names alone, and a long text stays on its line", () => {
  expect(renderResourceYaml({ type: "Mesh", name: "m" })).toBe("name: m\ntype: Mesh\n");
  expect(renderYaml({ data: "a ".repeat(100).trim() })).toBe(`data: ${"a ".repeat(100).trim()}\n`);
});

test("what only looks like another structure is quoted, not taken for it", () => {
  expect(renderYaml({ a: '{"b":1}', c: "# d", e: "", f: "~", g: "- h", i: "j: k" })).toBe(
    `a: '{"b":1}'\nc: '# d'\ne: ""\nf: "~"\ng: '- h'\ni: 'j: k'\n`,
  );
});
