import { clusterKinds, type ObjectKey } from "@atoll/kubernetes";
import { isNotFound, type KubernetesApi } from "./kubernetes-api.ts";

const reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
/** What a token that a kubelet made for a pod says of it: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens */
const podName = "authentication.kubernetes.io/pod-name";

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly error?: string;
}

/**
 * Resolves if the token is that of the pod: by its name where the token says for which pod it was made, else by the service account that the pod runs
 * as. `audience`: whom the token has to be for; absent: the API server itself.
 * @throws Error saying why it is not, or that the API server cannot be asked
 */
export async function reviewServiceAccount(
  api: KubernetesApi,
  token: string,
  pod: Required<ObjectKey>,
  { audience }: { audience?: string } = {},
): Promise<void> {
  if (token === "") throw new Error("no token was sent");
  const spec = { token, ...(audience !== undefined && { audiences: [audience] }) };
  const review = await api.review(reviews, { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec });
  const { authenticated = false, user = {}, error } = (review.status ?? {}) as ReviewStatus;
  if (!authenticated) throw new Error(`the service account token is not good${error === undefined ? "" : `: ${error}`}`);
  const [system, kind, namespace, account, ...rest] = (user.username ?? "").split(":");
  if (system !== "system" || kind !== "serviceaccount" || account === undefined || rest.length > 0) {
    throw new Error(`the token is of ${user.username ?? "nobody"}, and not of a service account`);
  }
  if (namespace !== pod.namespace) {
    throw new Error(`the token is of namespace ${namespace}, and the proxy is in ${pod.namespace}`);
  }
  const madeFor = user.extra?.[podName]?.[0];
  if (madeFor !== undefined) {
    if (madeFor !== pod.name) throw new Error(`the token was made for pod ${madeFor}, and the proxy is of ${pod.name}`);
    return;
  }
  const own = await serviceAccountOf(api, pod);
  if (own !== account) throw new Error(`the token is of service account ${account}, and the pod runs as ${own}`);
}

async function serviceAccountOf(api: KubernetesApi, pod: Required<ObjectKey>): Promise<string> {
  try {
    const { spec } = await api.get(clusterKinds.pod, pod);
    return (spec as { serviceAccountName?: string }).serviceAccountName || "default";
  } catch (error) {
    if (isNotFound(error)) throw new Error(`there is no pod ${pod.namespace}/${pod.name}`, { cause: error });
    throw error;
  }
}
