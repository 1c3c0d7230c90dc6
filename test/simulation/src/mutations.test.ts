import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutated, mutations } from "./mutations.ts";

const root = new URL("../../../", import.meta.url);

test.each(mutations)("$name: is where the mutation says", (mutation) => {
  const source = readFileSync(new URL(mutation.file, root), "utf8");
  expect(mutated(mutation, source)).not.toBe(source);
});
