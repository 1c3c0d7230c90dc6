import { z } from "zod";
import { proxyPolicy, shape } from "./common.ts";

const jsonPatches = z.array(
  shape({
    op: z.enum(["add", "remove", "replace", "move", "copy"]),
    path: z.string(),
    from: z.string().optional(),
    value: z.unknown().optional(),
  }),
);
const texts = { name: z.string().optional(), origin: z.string().optional() };
const tags = z.record(z.string(), z.string()).optional();
const change = <Match extends z.ZodType, Operation extends string>(match: Match, operations: readonly Operation[]) =>
  shape({ operation: z.enum(operations), match, value: z.string().optional(), jsonPatches: jsonPatches.optional() });

const whole = ["Add", "Remove", "Patch"] as const;
const filter = change(shape({ ...texts, listenerName: z.string().optional(), listenerTags: tags }).optional(), [
  "Remove",
  "Patch",
  "AddFirst",
  "AddBefore",
  "AddAfter",
  "AddLast",
]);

const patches = shape({
  appendModifications: z
    .array(
      shape({
        cluster: change(shape(texts).optional(), whole).optional(),
        listener: change(shape({ ...texts, tags }).optional(), whole).optional(),
        networkFilter: filter.optional(),
        httpFilter: filter.optional(),
        virtualHost: change(shape({ ...texts, routeConfigurationName: z.string().optional() }), whole).optional(),
      }),
    )
    .optional(),
});

export const meshProxyPatchSchema = proxyPolicy(patches);
export type MeshProxyPatchSpec = z.infer<typeof meshProxyPatchSchema>;
export type MeshProxyPatchModification = NonNullable<MeshProxyPatchSpec["default"]["appendModifications"]>[number];
