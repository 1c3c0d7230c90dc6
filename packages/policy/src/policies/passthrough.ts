import type { Question } from "../ask/question.ts";

/** What may leave the mesh: a place, and what is spoken there. */
export interface PassthroughMatch {
  type: "Domain" | "IP" | "CIDR";
  /** A domain may begin with `*.`. */
  value: string;
  /** Absent: any. */
  port?: number;
  protocol: "tcp" | "tls" | "http" | "http2" | "grpc" | "mysql";
}

/** What a transparently proxied workload may call that is not in the mesh. */
export type Passthrough = { mode: "all" | "none" } | { mode: "matched"; matches: readonly PassthroughMatch[] };

interface MeshPassthroughConf {
  passthroughMode?: "All" | "Matched" | "None";
  appendMatch?: (Omit<PassthroughMatch, "protocol"> & Partial<Pick<PassthroughMatch, "protocol">>)[];
}

function fromMeshPassthrough({ passthroughMode = "Matched", appendMatch = [] }: MeshPassthroughConf): Passthrough {
  if (passthroughMode !== "Matched") return { mode: passthroughMode === "All" ? "all" : "none" };
  return { mode: "matched", matches: appendMatch.map((match) => ({ ...match, protocol: match.protocol ?? "tcp" })) };
}

/** What a proxy lets out. Nothing said: what the mesh says. */
export const passthrough: Question<Passthrough> = {
  targeted: { type: "MeshPassthrough", conf: fromMeshPassthrough },
};
