import { z } from "zod";
import type { Kind, ParsedSpec, SpecOptions } from "../kind.ts";
import { isObject, requireShallow } from "../schema/codec.ts";
import { meshPolicySchemas } from "../specs/mesh-policies.ts";
import { serviceSchemas } from "../specs/service-resources.ts";
import { pluginStatusSchema } from "../specs/plugin-policy.ts";
import { jsonTypeName } from "../schema/parse-error.ts";
import { meshPolicyDeprecations } from "../validators/mesh-policies/deprecations.ts";
import { meshPolicyValidators } from "../validators/mesh-policies/index.ts";
import { serviceValidators } from "../validators/service-resources.ts";
import { shapeFault, type Violations, violationsOfZod } from "../validators/violation.ts";
import { kindMeta, type MetaRow, readSpec } from "./define-kind.ts";

const schemas: Readonly<Record<string, z.ZodType>> = { ...meshPolicySchemas, ...serviceSchemas };

interface PluginRow extends MetaRow {
  /** What the `status` beside the `spec` is when nobody wrote one; absent: the kind has none. */
  emptyStatus?: object;
}

/** A kind of newer clients. Its document nests the spec; where the kind has a status, the stored spec is `{spec, status}`. */
export function definePluginKind(row: PluginRow): Kind {
  const { type, policy = false, emptyStatus } = row;
  const schema = schemas[type];
  const validate: ((spec: never, role?: string) => Violations) | undefined = meshPolicyValidators[type] ?? serviceValidators[type];
  if (schema === undefined || validate === undefined) throw new Error(`${type} has no schema or no validator`);
  const parseSpec = (raw: unknown, { role }: SpecOptions = {}): ParsedSpec => {
    if (raw === undefined || raw === null) return { violations: [{ field: "", reason: ".spec in body is required" }] };
    if (!isObject(raw)) return { violations: [{ field: "", reason: `spec in body must be of type object: "${jsonTypeName(raw)}"` }] };
    return readSpec(() => {
      requireShallow(raw);
      const parsed = schema.safeParse(raw, { reportInput: true });
      if (!parsed.success) return shapeFault("spec", parsed.error);
      const violations = [...validate(parsed.data as never, role)];
      return violations.length > 0 ? { violations } : { spec: parsed.data };
    });
  };
  const parseWithStatus = (raw: unknown): ParsedSpec => {
    const { spec, status } = (isObject(raw) ? raw : {}) as { spec?: unknown; status?: unknown };
    const parsed = parseSpec(spec);
    if (!("spec" in parsed)) return parsed;
    return readSpec(() => {
      requireShallow(status);
      const parsedStatus = pluginStatusSchema.safeParse(status ?? emptyStatus, { reportInput: true });
      if (!parsedStatus.success) return { violations: violationsOfZod("status", parsedStatus.error) };
      return { spec: { spec: parsed.spec, status: parsedStatus.data } };
    });
  };
  return {
    ...kindMeta({ ...row, namespaced: true }),
    plugin: true,
    hasStatus: emptyStatus !== undefined,
    ...(policy && { deprecations: (spec: unknown) => meshPolicyDeprecations(type, spec) }),
    specSchema: () => z.toJSONSchema(schema, { io: "input", unrepresentable: "any", reused: "inline" }),
    parseSpec: emptyStatus !== undefined ? parseWithStatus : parseSpec,
  };
}
