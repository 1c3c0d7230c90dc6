import { z } from "zod";
import { count, duration, headerModifier, policy, shape } from "./common.ts";

const rate = shape({ num: count, interval: duration });
const limits = shape({
  local: shape({
    http: shape({
      disabled: z.boolean().optional(),
      requestRate: rate.optional(),
      onRateLimit: shape({ status: count.optional(), headers: headerModifier.optional() }).optional(),
    }).optional(),
    tcp: shape({ disabled: z.boolean().optional(), connectionRate: rate.optional() }).optional(),
  }).optional(),
});

export const meshRateLimitSchema = policy(limits.optional());
export type MeshRateLimitSpec = z.infer<typeof meshRateLimitSchema>;
