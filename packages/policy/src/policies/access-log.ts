import type { Resource, TrafficLogSpec } from "@atoll/resource";
import type { PolicyMesh } from "../ask/policy-mesh.ts";
import type { Question } from "../ask/question.ts";

/** Where lines go, and how they look. Placeholders `%KUMA_...%` are still in them. */
export interface LogTarget {
  to: { file: string } | { tcp: string };
  /** Absent: the default of the kind of connection. */
  format?: string;
}

/** Nothing is logged by a policy whose backend the mesh does not have. No name = the mesh's default. */
function fromTrafficLog({ spec }: Resource<TrafficLogSpec>, { mesh }: PolicyMesh): LogTarget[] {
  const { logging } = mesh.spec;
  const name = spec.conf?.backend || logging?.defaultBackend;
  const backend = logging?.backends?.find((candidate) => candidate.name === name);
  if (!backend) return [];
  const conf = backend.conf as { path?: string; address?: string } | undefined;
  const to = backend.type === "file" ? { file: conf?.path ?? "" } : { tcp: conf?.address ?? "" };
  return [{ to, ...(backend.format ? { format: backend.format } : {}) }];
}

/** Access logs of what goes out. */
export const outboundLogs: Question<LogTarget[]> = {
  legacy: { type: "TrafficLog", conf: fromTrafficLog },
};
