import { anything, integerOrText } from "./structural-schema.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const texts = { type: "object", additionalProperties: text } as const;
const object = (properties: Record<string, object>, required?: readonly string[]): object => ({
  type: "object",
  properties,
  ...(required && { required }),
});
const listOf = (items: object): object => ({ type: "array", items });

const metadata = object({ annotations: texts, labels: texts });
/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const quantities = {
  type: "object",
  additionalProperties: {
    ...integerOrText,
    pattern: "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$",
  },
};

const gatewayFields = {
  replicas: { type: "integer", format: "int32", minimum: 1, default: 1, description: "How many proxies there should be." },
  serviceType: {
    ...text,
    enum: ["LoadBalancer", "ClusterIP", "NodePort"],
    default: "LoadBalancer",
    description: "Type of the Service that leads to the proxies.",
  },
  resources: object({
    claims: listOf(object({ name: text, request: text }, ["name"])),
    limits: quantities,
    requests: quantities,
  }),
  serviceTemplate: object({ metadata, spec: object({ loadBalancerIP: text }) }),
  podTemplate: object({
    metadata,
    spec: object({
      serviceAccountName: text,
      securityContext: object({ fsGroup: { type: "integer", format: "int64" } }),
      container: object({ securityContext: object({ readOnlyRootFilesystem: flag }) }),
    }),
  }),
};

const condition = object(
  {
    type: { ...text, maxLength: 316 },
    status: { ...text, enum: ["True", "False", "Unknown"] },
    reason: { ...text, minLength: 1, maxLength: 1024 },
    message: { ...text, maxLength: 32_768 },
    lastTransitionTime: { ...text, format: "date-time" },
    observedGeneration: { type: "integer", format: "int64", minimum: 0 },
  },
  ["type", "status", "reason", "message", "lastTransitionTime"],
);

const operation = object({ op: { ...text, enum: ["add", "remove", "replace", "move", "copy"] }, path: text, value: text, from: text }, [
  "op",
  "path",
]);

/** Schemas of the kinds that no resource of the log has, by kind: everything beside `metadata`. */
export const kubernetesOnlySchemas: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  ContainerPatch: {
    mesh: text,
    spec: object({ initPatch: listOf(operation), sidecarPatch: listOf(operation) }),
  },
  MeshGatewayInstance: {
    spec: object({ ...gatewayFields, tags: texts }),
    status: object({
      conditions: { ...listOf(condition), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] },
      loadBalancer: object({ ingress: { ...listOf({ type: "object", ...anything }), "x-kubernetes-list-type": "atomic" } }),
    }),
  },
  MeshGatewayConfig: {
    spec: object({ ...gatewayFields, crossMesh: flag, tags: texts }),
    status: { type: "object" },
  },
};
