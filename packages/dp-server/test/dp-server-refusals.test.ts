import { status } from "@grpc/grpc-js";
import { type DataplaneSpec } from "@atoll/resource";
import { createSigningKey, readSigningKey } from "@atoll/token";
import { describe, expect, test } from "vitest";
import { dataplane, draft, envoyNode, ingress } from "./fixtures.ts";
import { hourMs, signingKeys, store, connected, token, bearer, ads, hds } from "./dp-server-bed.ts";

describe("refusals", () => {
  const node = () => envoyNode(dataplane("web-1"));
  const zoneNode = () => envoyNode(ingress("in-1"));
  const past = Date.now() - 48 * hourMs;
  const refusals: [string, () => Promise<[string, string][]>, () => ReturnType<typeof envoyNode>, number, RegExp][] = [
    ["no token", async () => [], node, status.UNAUTHENTICATED, /^authentication failed: no token was sent$/],
    ["no JWT", async () => bearer("secret"), node, status.UNAUTHENTICATED, /not a signed JWT$/],
    [
      "another name",
      async () => bearer(await token("dataplane", { name: "web-2" })),
      node,
      status.UNAUTHENTICATED,
      /for dataplane "web-2", not "web-1"$/,
    ],
    [
      "another mesh",
      async () => bearer(await token("dataplane", { mesh: "other" })),
      node,
      status.UNAUTHENTICATED,
      /for mesh "other", not "default"$/,
    ],
    [
      "another service",
      async () => bearer(await token("dataplane", { tags: { "kuma.io/service": ["api"] } })),
      node,
      status.UNAUTHENTICATED,
      /allows tag "kuma.io\/service" with "api", not "web"$/,
    ],
    [
      "a tag it lacks",
      async () => bearer(await token("dataplane", { tags: { team: ["a"] } })),
      node,
      status.UNAUTHENTICATED,
      /requires tag "team"/,
    ],
    ["an expired token", async () => bearer(await token("dataplane", {}, { nowMs: past })), node, status.UNAUTHENTICATED, /expired$/],
    ["a revoked token", async () => bearer(await token("dataplane", {}, { jti: "revoked-id" })), node, status.UNAUTHENTICATED, /revoked$/],
    [
      "a key that is gone",
      async () =>
        bearer(await token("dataplane", {}, { key: { kid: "7", privateKey: readSigningKey(Buffer.from(signingKeys.dataplane)) } })),
      node,
      status.UNAUTHENTICATED,
      /no signing key with KID 7/,
    ],
    [
      "a foreign key",
      async () =>
        bearer(await token("dataplane", {}, { key: { kid: "1", privateKey: readSigningKey(Buffer.from(await createSigningKey())) } })),
      node,
      status.UNAUTHENTICATED,
      /signature is not valid$/,
    ],
    [
      "a zone token for a dataplane",
      async () => bearer(await token("zone", { scope: ["ingress"] })),
      node,
      status.UNAUTHENTICATED,
      /signature is not valid$/,
    ],
    [
      "a zone token of another scope",
      async () => bearer(await token("zone", { zone: "east", scope: ["egress"] })),
      zoneNode,
      status.UNAUTHENTICATED,
      /scope is "egress"; "ingress" is needed$/,
    ],
    [
      "a zone token of another zone",
      async () => bearer(await token("zone", { zone: "west", scope: ["ingress"] })),
      zoneNode,
      status.UNAUTHENTICATED,
      /for zone "west", not "east"$/,
    ],
    [
      "a node id that is none",
      async () => [],
      () => ({ ...node(), id: "web-1" }),
      status.INVALID_ARGUMENT,
      /^node id "web-1" is not of the form <mesh>.<name>$/,
    ],
    [
      "a node id of another proxy",
      async () => [],
      () => ({ ...node(), id: "default.web-2" }),
      status.INVALID_ARGUMENT,
      /does not name the resource it brings \("default\.web-1"\)$/,
    ],
    [
      "a kind that is none",
      async () => [],
      () => ({ ...node(), metadata: { ...node().metadata, "dataplane.proxyType": "router" } }),
      status.INVALID_ARGUMENT,
      /"router", not one of/,
    ],
    [
      "a dataplane nobody knows",
      async () => [],
      () => envoyNode(dataplane("web-9"), { brought: false }),
      status.FAILED_PRECONDITION,
      /^Dataplane "web-9" is not found$/,
    ],
    [
      "a mesh nobody knows",
      async () => [],
      () => envoyNode({ ...dataplane("web-1"), mesh: "other" }),
      status.FAILED_PRECONDITION,
      /^mesh "other" does not exist$/,
    ],
  ];
  test.each(refusals)("%s", async (_what, headers, described, code, details) => {
    const error = await ads(await headers())
      .start(described())
      .refused();
    expect([error.code, error.details]).toEqual([code, expect.stringMatching(details)]);
    expect(connected).toEqual([]);
    expect(store.list("Dataplane")).toEqual([]);
  });

  test("who may be one service must not replace the dataplane of another", async () => {
    await store.put(draft(dataplane("web-1")));
    const brought = dataplane("web-1", { inbound: [{ port: 8080, tags: { "kuma.io/service": "api" } }] });
    const header = bearer(await token("dataplane", { tags: { "kuma.io/service": ["api"] } }));
    const error = await ads(header).start(envoyNode(brought)).refused();
    expect(error.details).toMatch(/does not allow to replace the dataplane of that name: .*"api", not "web"$/);
    expect(store.get<DataplaneSpec>("Dataplane", "default", "web-1")!.spec.networking.inbound![0]!.tags["kuma.io/service"]).toBe("web");
  });

  test("health discovery asks for the same token", async () => {
    const error = await hds([]).start(node()).refused();
    expect([error.code, error.details]).toEqual([status.UNAUTHENTICATED, "authentication failed: no token was sent"]);
  });
});
