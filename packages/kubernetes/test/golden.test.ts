import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { golden } from "../../../test/testkit/src/golden.ts";
import { documentOf, type KubernetesObject, objectOf, readObject } from "../src/index.ts";

const systemNamespace = "kuma-system";

/** Each input file holds named objects; the output says which resource each carries, and the object that is made of that again. */
golden<Record<string, KubernetesObject>>(fileURLToPath(new URL("../testdata/objects", import.meta.url)), (objects) => ({
  yaml: Object.fromEntries(Object.entries(objects).map(([name, object]) => [name, outcome(object)])),
}));

function outcome(object: KubernetesObject): unknown {
  const read = readObject(object);
  if (read === undefined) return "no resource";
  if (!read.ok) return read.violations ? { violations: read.violations } : { parseError: read.parseError };
  const written = objectOf(read.resource, systemNamespace);
  // What is made of the resource says the same again.
  const again = readObject(written!);
  expect(again).toEqual(read);
  expect(documentOf(written!)?.name).toBe(read.resource.name);
  return { resource: read.resource, object: written };
}
