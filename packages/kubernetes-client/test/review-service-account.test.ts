import { clusterKinds, type KubernetesObject } from "@atoll/kubernetes";
import { expect, test } from "vitest";
import { ClusterDouble } from "../../../test/cluster-double/src/cluster-double.ts";
import { reviewServiceAccount } from "../src/index.ts";

const pod = { namespace: "shop", name: "web-0" };

/** An API server that knows one token. */
function cluster(status: object, serviceAccountName?: string): ClusterDouble {
  const double = new ClusterDouble();
  double.put(clusterKinds.pod, { metadata: pod, spec: { serviceAccountName } });
  double.review = async () =>
    ({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: { name: "" }, status }) as KubernetesObject;
  return double;
}
const user = (username: string, madeFor?: string) => ({
  authenticated: true,
  user: { username, ...(madeFor && { extra: { "authentication.kubernetes.io/pod-name": [madeFor] } }) },
});
const web = "system:serviceaccount:shop:web";

test("a pod is known by the token that was made for it, or by its service account", async () => {
  await reviewServiceAccount(cluster(user(web, "web-0"), "web"), "t", pod);
  await reviewServiceAccount(cluster(user(web), "web"), "t", pod);
  await reviewServiceAccount(cluster(user("system:serviceaccount:shop:default")), "t", pod);
});

test.each([
  ["no token", {}, "", "no token was sent"],
  [
    "a token that the API server does not know",
    { authenticated: false, error: "expired" },
    "t",
    "the service account token is not good: expired",
  ],
  ["a person", user("jane"), "t", "the token is of jane, and not of a service account"],
  ["another namespace", user("system:serviceaccount:bank:web"), "t", "the token is of namespace bank, and the proxy is in shop"],
  ["another pod of the same service account", user(web, "web-1"), "t", "the token was made for pod web-1, and the proxy is of web-0"],
  ["another service account", user("system:serviceaccount:shop:db"), "t", "the token is of service account db, and the pod runs as web"],
])("%s is refused", async (_what, status, token, reason) => {
  await expect(reviewServiceAccount(cluster(status, "web"), token, pod)).rejects.toThrow(reason);
});

test("a pod that is not there is refused", async () => {
  const asked = reviewServiceAccount(cluster(user("system:serviceaccount:shop:web")), "t", { ...pod, name: "gone" });
  await expect(asked).rejects.toThrow("there is no pod shop/gone");
});
