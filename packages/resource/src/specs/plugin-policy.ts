import { z } from "zod";

const kindsOfTarget = [
  "Mesh",
  "MeshSubset",
  "MeshGateway",
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "MeshServiceSubset",
  "MeshHTTPRoute",
  "Dataplane",
] as const;

/** Targets that are one thing, found by its name or by labels. */
const named: readonly string[] = [
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "MeshServiceSubset",
  "MeshGateway",
  "MeshHTTPRoute",
];

/** A reference to what a policy is for, or to what the other end is. */
export const targetRefSchema = z.looseObject({
  kind: z.enum(kindsOfTarget),
  name: z.string().optional(),
  namespace: z.string().optional(),
  mesh: z.string().optional(),
  sectionName: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  proxyTypes: z.array(z.enum(["Sidecar", "Gateway"])).optional(),
});
export type TargetRef = z.infer<typeof targetRefSchema>;

const targetRef = targetRefSchema.superRefine(({ kind, name, labels }, context) => {
  if (!named.includes(kind) || name || Object.keys(labels ?? {}).length > 0) return;
  context.addIssue({ code: "custom", path: ["name"], message: `must be set with kind ${kind}` });
});

const item = z.looseObject({ targetRef: targetRef.optional(), default: z.record(z.string(), z.unknown()).optional() });

/** What all policies with a target reference have in common; the rest of the spec is kept as written. */
export const pluginPolicySchema = z.looseObject({
  targetRef: targetRef.optional(),
  from: z.array(item).optional(),
  to: z.array(item).optional(),
  rules: z.array(z.looseObject({ default: z.record(z.string(), z.unknown()).optional() })).optional(),
});
export type PluginPolicySpec = z.infer<typeof pluginPolicySchema>;

/** Kinds that are no policies have nothing in common. */
export const pluginSpecSchema = z.record(z.string(), z.unknown());
export const pluginStatusSchema = z.record(z.string(), z.unknown());
