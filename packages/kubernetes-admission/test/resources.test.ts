import { fileURLToPath } from "node:url";
import { golden } from "../../../test/testkit/src/golden.ts";
import type { KubernetesObject } from "@atoll/kubernetes";
import {
  type AdmissionPlace,
  type AdmissionRequest,
  type AdmissionVerdict,
  collectors,
  defaultObject,
  judgeSecret,
  ownObject,
  validateObject,
} from "../src/index.ts";

interface Case {
  webhook: "default" | "validate" | "own" | "secret";
  /** Default: all three. */
  modes?: AdmissionPlace["mode"][];
  operation?: AdmissionRequest["operation"];
  user?: string;
  object: KubernetesObject;
  before?: KubernetesObject;
}

const controlPlane = "system:serviceaccount:kuma-system:kuma-control-plane";
const mesh: KubernetesObject = { apiVersion: "kuma.io/v1alpha1", kind: "Mesh", metadata: { name: "shop", uid: "uid-of-shop" } };
const lookup = {
  hasMesh: (name: string) => name === "shop",
  hasDataplanes: (name: string) => name === "shop",
  isConnected: (zone: string) => zone === "east",
  secretUse: (_mesh: string, name: string) => (name === "ca" ? "it is in use" : undefined),
  unsafeDelete: false,
};

/** Each input file holds named requests; the output says what each is answered, by mode of the control plane. */
golden<Record<string, Case>>(fileURLToPath(new URL("../testdata/resources", import.meta.url)), (cases) => ({
  yaml: Object.fromEntries(
    Object.entries(cases).map(([name, one]) => [
      name,
      Object.fromEntries((one.modes ?? (["global", "zone", "standalone"] as const)).map((mode) => [mode, answer(one, mode)])),
    ]),
  ),
}));

function answer({ webhook, operation = "CREATE", user = "somebody", object, before }: Case, mode: AdmissionPlace["mode"]): unknown {
  const place: AdmissionPlace = {
    mode,
    zone: mode === "global" ? "" : "west",
    systemNamespace: "kuma-system",
    allowedUsers: [controlPlane, ...collectors],
    disableOriginLabelValidation: false,
  };
  const [group = "", version = ""] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion];
  const isDelete = operation === "DELETE";
  const request: AdmissionRequest = {
    uid: "1",
    kind: { group, version, kind: object.kind },
    name: object.metadata.name,
    ...(object.metadata.namespace !== undefined && { namespace: object.metadata.namespace }),
    operation,
    userInfo: { username: user },
    object: isDelete ? null : object,
    oldObject: isDelete ? object : (before ?? null),
  };
  return shown(verdictOf(webhook, request, place));
}

function verdictOf(webhook: Case["webhook"], request: AdmissionRequest, place: AdmissionPlace): AdmissionVerdict {
  if (webhook === "default") return defaultObject(request, place);
  if (webhook === "validate") return validateObject(request, place, lookup);
  if (webhook === "secret") return judgeSecret(request, place, lookup);
  return ownObject(request, place, {
    owner: (kind, { name }) => (kind === "Mesh" && name === "shop" ? mesh : undefined),
    skipMeshOwnerReference: false,
  });
}

/** What a verdict says beside the object it was given. */
function shown(verdict: AdmissionVerdict): unknown {
  if (!verdict.allowed) return { refused: verdict.status };
  const { object, warnings } = verdict;
  const { metadata, spec } = object ?? {};
  const { name: _name, namespace: _namespace, ...changed } = metadata ?? {};
  return { allowed: object ? { ...changed, ...(object.kind === "Mesh" && { spec }) } : true, ...(warnings && { warnings }) };
}
