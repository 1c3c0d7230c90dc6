import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { golden } from "../../../test/testkit/src/golden.ts";
import { parseDocument, renderDocument, validateMeta } from "../src/index.ts";

const created = "2026-01-02T03:04:05.678Z";

/** Each input file holds named documents; the output says what became of each. */
golden<Record<string, unknown>>(fileURLToPath(new URL("../testdata", import.meta.url)), (documents) => ({
  yaml: Object.fromEntries(Object.entries(documents).map(([name, document]) => [name, outcome(document)])),
}));

function outcome(document: unknown): unknown {
  const parsed = parseDocument(document);
  if (!parsed.ok) return parsed.violations ? { violations: parsed.violations } : { parseError: parsed.parseError };
  const { resource } = parsed;
  const violations = validateMeta(resource);
  if (violations.length > 0) return { violations };
  const stored = { ...resource, creationTime: created, modificationTime: created, revision: 1 };
  const universal = renderDocument(stored, "universal");
  const kubernetes = renderDocument(stored, "kubernetes");
  // What is rendered can be written back, and changes nothing.
  const { labels: _labels, ...unlabelled } = resource;
  expect(parseDocument(JSON.parse(JSON.stringify(universal)))).toEqual({ ok: true, resource });
  expect(parseDocument(JSON.parse(JSON.stringify(kubernetes)))).toMatchObject({ ok: true, resource: unlabelled });
  return { resource };
}
