import { z } from "zod";
import { targetRefSchema } from "../plugin-policy.ts";
import { backendRef, shape } from "./common.ts";

export const meshTcpRouteSchema = shape({
  targetRef: targetRefSchema.optional(),
  to: z
    .array(
      shape({
        targetRef: targetRefSchema,
        rules: z.array(shape({ default: shape({ backendRefs: z.array(backendRef).optional() }) })).max(1),
      }),
    )
    .min(1)
    .optional(),
});
export type MeshTcpRouteSpec = z.infer<typeof meshTcpRouteSchema>;
