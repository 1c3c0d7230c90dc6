import type { ResourceDraft } from "@atoll/resource";
import { expect, test } from "vitest";
import { authenticateProxy, type ProxyAuthentication } from "../src/proxy-authenticator.ts";

const pods: ProxyAuthentication = { dataplanes: "serviceAccountToken", zoneProxies: "serviceAccountToken" };
const resource: ResourceDraft = { type: "Dataplane", mesh: "default", name: "web-0.shop", spec: {} };
const never = async () => expect.unreachable("asked for a token of the control plane's own");

test("on a cluster a proxy is who its service account says, and brings nothing of its own", async () => {
  const asked: string[] = [];
  const verifier = {
    dataplane: never,
    zoneProxy: never,
    isRevoked: () => false,
    serviceAccount: async (token: string, { name }: ResourceDraft) => {
      asked.push(`${token} ${name}`);
      if (token !== "good") throw new Error("not of this pod");
    },
  };
  const proxy = { proxyType: "dataplane" as const, resource, replaces: undefined };
  await authenticateProxy(verifier, pods, proxy, "good");
  await expect(authenticateProxy(verifier, pods, proxy, "bad")).rejects.toThrow("not of this pod");
  // What it says of itself would be believed: any service's tags.
  await expect(authenticateProxy(verifier, pods, { ...proxy, isBrought: true }, "good")).rejects.toThrow(
    "cannot bring a resource of its own",
  );
  await authenticateProxy(verifier, pods, { ...proxy, proxyType: "ingress", resource: { ...resource, type: "ZoneIngress" } }, "good");
  expect(asked).toEqual(["good web-0.shop", "bad web-0.shop", "good web-0.shop"]);
});
