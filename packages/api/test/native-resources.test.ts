import { expect, test } from "vitest";
import { planeWithMesh } from "./fake-plane.ts";

const template = (conf: object) => ({
  type: "ProxyTemplate",
  mesh: "default",
  name: "t",
  selectors: [{ match: { "kuma.io/service": "*" } }],
  conf: { imports: ["default-proxy"], ...conf },
});

test("texts of a ProxyTemplate that are nothing of Envoy's are refused, each at its place; removals have none", async () => {
  const asked: unknown[] = [];
  const { request, config } = await planeWithMesh({
    nativeFault: async (target, text, patch) => {
      asked.push([target, text, patch]);
      return text.startsWith("bad") ? `${target} is bad` : undefined;
    },
  });
  const before = config.revision;
  const document = template({
    resources: [{ name: "r", version: "1", resource: "bad resource" }],
    modifications: [
      { cluster: { operation: "patch", value: "good" } },
      { cluster: { operation: "remove", match: { name: "x" } } },
      { httpFilter: { operation: "addFirst", value: "bad filter" } },
    ],
  });
  const violations = [
    { field: "conf.resources[0].resource", reason: "native Envoy resource is not valid: resource is bad" },
    { field: "conf.modifications[2].httpFilter.value", reason: "native Envoy resource is not valid: httpFilter is bad" },
  ];
  const put = await request("PUT /meshes/default/proxytemplates/t", document);
  expect(put.body).toMatchObject({ status: 400, title: "Could not process a resource", invalid_parameters: violations });
  expect(asked).toEqual([
    ["resource", "bad resource", false],
    ["cluster", "good", true],
    ["httpFilter", "bad filter", false],
  ]);
  const changes = await request("POST /changes", { resources: [document] });
  expect(changes.body.invalid_parameters).toEqual(violations.map(({ field, reason }) => ({ field: `resources[0].${field}`, reason })));
  expect(config.revision).toBe(before);
  const fine = template({ modifications: [{ cluster: { operation: "patch", value: "good" } }] });
  expect((await request("PUT /meshes/default/proxytemplates/t", fine)).status).toBe(201);
});

test("so are those of a MeshProxyPatch", async () => {
  const { request } = await planeWithMesh({
    nativeFault: async (target, text) => (text.startsWith("bad") ? `${target} is bad` : undefined),
  });
  const patch = (...appendModifications: object[]) => ({
    type: "MeshProxyPatch",
    mesh: "default",
    name: "p",
    spec: { targetRef: { kind: "Mesh" }, default: { appendModifications } },
  });
  const put = (document: object) => request("PUT /meshes/default/meshproxypatches/p", document);
  const bad = await put(
    patch(
      { cluster: { operation: "Add", value: "good" } },
      { listener: { operation: "Patch", value: "bad" } },
      { cluster: { operation: "Remove" } },
    ),
  );
  expect(bad.body.invalid_parameters).toEqual([
    { field: "spec.default.appendModifications[1].listener.value", reason: "native Envoy resource is not valid: listener is bad" },
  ]);
  expect((await put(patch({ cluster: { operation: "Patch", value: "good" } }))).status).toBe(201);
});
