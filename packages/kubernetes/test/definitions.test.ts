import { expect, test } from "vitest";
import { customResourceDefinitions, resourceKinds } from "../src/index.ts";

const definitions = customResourceDefinitions();
type Schema = {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  [word: string]: unknown;
};
type Version = { schema: { openAPIV3Schema: Schema }; subresources?: object; additionalPrinterColumns?: { jsonPath: string }[] };
const versionOf = (name: string): Version => {
  const found = definitions.find(({ metadata }) => metadata.name === name)!.spec as { versions: Version[] };
  return found.versions[0]!;
};

test("every kind of resource but Secrets has a definition, and so have the three that Kubernetes alone has", () => {
  expect(definitions).toHaveLength(49);
  expect(new Set(definitions.map(({ metadata }) => metadata.name)).size).toBe(49);
  expect(resourceKinds).toHaveLength(46);
  const plurals = ["meshes", "retries", "zoneegresses", "meshtlses", "meshloadbalancingstrategies", "meshproxypatches"];
  for (const plural of plurals) expect(definitions.map(({ metadata }) => metadata.name)).toContain(`${plural}.kuma.io`);
});

/** What the API server demands: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema */
test("schemas are structural", () => {
  const check = (schema: Schema, path: string): void => {
    const open = schema["x-kubernetes-preserve-unknown-fields"] === true || schema["x-kubernetes-int-or-string"] === true;
    expect(typeof schema.type === "string" || open, path).toBe(true);
    for (const word of ["$ref", "oneOf", "allOf", "not", "propertyNames", "$schema", "uniqueItems"])
      expect(schema, path).not.toHaveProperty([word]);
    if (schema["anyOf"] !== undefined) expect(schema["x-kubernetes-int-or-string"], path).toBe(true);
    for (const [name, each] of Object.entries(schema.properties ?? {})) check(each, `${path}.${name}`);
    if (schema.items) check(schema.items, `${path}[]`);
    if (schema.additionalProperties) check(schema.additionalProperties, `${path}{}`);
  };
  for (const { metadata } of definitions) check(versionOf(metadata.name).schema.openAPIV3Schema, metadata.name);
});

test("specs of the older kinds are whatever they are, those of the newer ones follow the schema that REST checks", () => {
  expect(versionOf("trafficroutes.kuma.io").schema.openAPIV3Schema.properties?.["spec"]).toEqual({
    "x-kubernetes-preserve-unknown-fields": true,
  });
  const timeouts = versionOf("meshtimeouts.kuma.io").schema.openAPIV3Schema.properties?.["spec"];
  expect(timeouts?.properties?.["targetRef"]?.properties?.["kind"]?.["enum"]).toContain("MeshSubset");
  expect(timeouts?.properties?.["to"]?.items?.["required"]).toContain("targetRef");
  const limits = versionOf("meshfaultinjections.kuma.io").schema.openAPIV3Schema.properties?.["spec"]?.properties?.["to"];
  const abort = limits?.items?.properties?.["default"]?.properties?.["http"]?.items?.properties?.["abort"];
  expect(abort?.properties?.["percentage"]).toEqual({
    anyOf: [{ type: "integer" }, { type: "string" }],
    "x-kubernetes-int-or-string": true,
  });
});

test("only the kinds whose controllers keep conditions have a status of their own", () => {
  const having = definitions.filter(({ metadata }) => versionOf(metadata.name).subresources !== undefined);
  expect(having.map(({ metadata }) => metadata.name)).toEqual(["meshgatewayconfigs.kuma.io", "meshgatewayinstances.kuma.io"]);
});
