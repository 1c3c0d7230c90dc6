import type { ChangeSet } from "@atoll/replica";
import type { KeyString } from "@atoll/resource";
import { z } from "zod";

/** Moves when a reader of the last one would misread what is written now; a field that is added does not move it. */
export const changeSetVersion = 1;

const key = z.looseObject({
  type: z.string().meta({ description: "kind, as Timeout" }),
  mesh: z.string().meta({ description: "empty for what is in no mesh" }),
  name: z.string(),
});

const keyText = z.custom<KeyString>((value) => typeof value === "string").meta({ type: "string", description: "type/mesh/name" });

const put = z.looseObject({
  op: z.literal("put"),
  resource: key.extend({
    labels: z.record(z.string(), z.string()).optional(),
    spec: z.unknown().meta({ description: "as the REST API takes it; a Secret's is sealed" }),
  }),
});

const remove = z.looseObject({ op: z.literal("delete"), key });

/** A record of the topic `atoll.config`: `docs/change-set.schema.json` is made from it, for whoever reads the topic from Kafka. */
export const changeSetSchema: z.ZodType<ChangeSet> = z
  .looseObject({
    id: z.string().min(1).meta({ description: "unique per attempt: a record that was appended twice counts once" }),
    at: z.string().meta({ description: "RFC 3339, by the writer's clock" }),
    author: z.string(),
    reason: z.string().optional(),
    changes: z.array(z.union([put, remove])).meta({ description: "of two for one resource the last counts" }),
    expect: z
      .array(z.looseObject({ key: keyText, revision: z.number().int().nullable() }))
      .meta({ description: "the set is refused as a whole unless each key is at this revision, or absent where it is null" }),
  })
  .meta({
    title: "Change set of Atoll",
    description: "The value of a record of atoll.config, JSON in UTF-8. Its revision is its offset plus one.",
  });

/** What others read records by. */
export const changeSetJsonSchema = (): object => ({
  $comment: `version ${changeSetVersion}`,
  ...z.toJSONSchema(changeSetSchema, { unrepresentable: "any", reused: "inline" }),
});
