import { z } from "zod";
import { count, proxyPolicy, shape } from "./common.ts";

const passthrough = shape({
  passthroughMode: z.enum(["All", "Matched", "None"]).optional(),
  appendMatch: z
    .array(
      shape({
        type: z.enum(["Domain", "IP", "CIDR"]),
        value: z.string(),
        port: count.optional(),
        protocol: z.enum(["tcp", "tls", "grpc", "http", "http2", "mysql"]).default("tcp"),
      }),
    )
    .optional(),
});

export const meshPassthroughSchema = proxyPolicy(passthrough.default(() => ({})));
export type MeshPassthroughSpec = z.infer<typeof meshPassthroughSchema>;
