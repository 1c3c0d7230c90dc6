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

/** A reference to what a policy is for, or to what the other end is. */
export const targetRefSchema = z.object({
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

/** What a control plane found out about a resource. */
export const pluginStatusSchema = z.record(z.string(), z.unknown());
