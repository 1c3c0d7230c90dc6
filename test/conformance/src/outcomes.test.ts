import { expect, test } from "vitest";
import { readOutcomes } from "./outcomes.ts";

test("a rig's output names what is the same and what differs, with the difference", () => {
  const outcomes = readOutcomes(
    [
      "topology up",
      "same    01-match-exact (1.1 s)",
      "differs 02-match-prefix [gateway] (9.3 s)",
      "    root",
      '      expected {"status": 200}',
      '      got      {"status": 404}',
      "same    05-match-headers (0.9 s)",
      "  not clean afterwards: await http://any:28002/",
      "2 same, 1 differ",
    ].join("\n"),
  );
  expect([...outcomes.values()].map(({ name, same }) => [name, same])).toEqual([
    ["01-match-exact", true],
    ["02-match-prefix", false],
    ["05-match-headers", true],
  ]);
  expect(outcomes.get("02-match-prefix")!.detail).toBe('    root\n      expected {"status": 200}\n      got      {"status": 404}\n');
});
