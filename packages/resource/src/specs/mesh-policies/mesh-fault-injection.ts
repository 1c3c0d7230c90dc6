import { z } from "zod";
import { duration, integer, integerOrText, bothWaysPolicy, shape } from "./common.ts";

const faults = shape({
  http: z
    .array(
      shape({
        abort: shape({ httpStatus: integer, percentage: integerOrText }).optional(),
        delay: shape({ value: duration, percentage: integerOrText }).optional(),
        responseBandwidth: shape({ limit: z.string(), percentage: integerOrText }).optional(),
      }),
    )
    .optional(),
});

export const meshFaultInjectionSchema = bothWaysPolicy(faults.optional());
export type MeshFaultInjectionSpec = z.infer<typeof meshFaultInjectionSchema>;
