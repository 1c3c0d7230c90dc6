import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { FakeZoneStore, dataplane, mesh, planeWithMesh } from "./fake-plane.ts";

const keyText = () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return Buffer.from(privateKey.export({ type: "pkcs1", format: "pem" }) as string).toString("base64");
};
const name = "dataplane-token-signing-key-default-1";
const signingKey = (data: string) => ({ type: "Secret", mesh: "default", name, data });
const holders = /^3 connected proxies have tokens of this key: each stays until its stream ends/;

async function plane() {
  const asked: string[] = [];
  const proxies = {
    inspect: async () => "",
    appliedRevisions: () => ({}),
    watchApplied: () => () => {},
    tokenHolders: (key: string) => (asked.push(key), key.includes("signing-key") ? 3 : 0),
  };
  const made = await planeWithMesh({ proxies, settings: { unsafeDelete: true } });
  const east = new FakeZoneStore();
  made.zones.set("east", east);
  const { type, mesh: of, name: dp, ...spec } = dataplane("web-1");
  await east.put({ type, mesh: of, name: dp, spec });
  return { ...made, asked };
}

test("who deletes or replaces a key is told which proxies have tokens of it, also before it is done", async () => {
  const { request, asked } = await plane();
  const at = `/meshes/default/secrets/${name}`;
  const first = keyText();
  // The mesh had one of that name from its beginning.
  expect((await request(`PUT ${at}`, signingKey(first))).body.warnings).toEqual([expect.stringMatching(holders)]);
  // The same once more changes nothing.
  expect((await request(`PUT ${at}`, signingKey(first))).body).toEqual({});
  expect((await request(`PUT ${at}`, signingKey(keyText()))).body.warnings).toEqual([expect.stringMatching(holders)]);
  const deletion = { delete: [{ type: "Secret", mesh: "default", name }] };
  expect((await request("POST /changes?dry_run=true", deletion)).body.warnings).toEqual([expect.stringMatching(holders)]);
  expect((await request(`DELETE ${at}`)).body.warnings).toEqual([expect.stringMatching(holders)]);
  expect(new Set(asked)).toEqual(new Set([`Secret/default/${name}`]));
});

test("who ends a mesh, its mTLS or a zone is told of the dataplanes there; nobody is told of what reaches nobody", async () => {
  const { request } = await plane();
  const mtls = { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] };
  expect((await request("PUT /meshes/default", { ...mesh("default"), mtls })).body).toEqual({});
  expect((await request("PUT /meshes/default", mesh("default"))).body.warnings).toEqual([
    'mTLS of mesh "default" ends: what 1 dataplane says is not encrypted any more, nor who says it checked',
  ]);
  await request("PUT /zones/east", { type: "Zone", name: "east" });
  await request("PUT /zones/west", { type: "Zone", name: "west" });
  expect((await request("DELETE /zones/west")).body).toEqual({});
  expect((await request("DELETE /zones/east")).body.warnings).toEqual([
    "1 dataplane of the zone is called by nobody in other zones any more",
  ]);
  expect((await request("DELETE /meshes/default")).body.warnings).toEqual(["1 dataplane loses its mesh"]);
});
