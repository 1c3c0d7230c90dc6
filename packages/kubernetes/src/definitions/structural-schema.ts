type Schema = { readonly [keyword: string]: unknown };

/**
 * A JSON Schema as the API server takes it: "structural", with a type at every level, and without the words it does not know.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: object): object {
  const { anyOf, type, properties, additionalProperties, items, required, pattern, format, ...rest } = schema as Schema;
  // The only unions in these schemas: a number or its text. Kubernetes has that for whole numbers alone, so others are written as text.
  if (anyOf !== undefined || Array.isArray(type)) return { ...pick(rest, ["default", "description"]), ...integerOrText };
  if (type === undefined) return { ...pick(rest, ["default", "description"]), ...anything };
  return {
    ...pick(rest, ["default", "description", "enum", "maxItems", "maxLength", "minItems", "minLength"]),
    type,
    ...bounds(rest),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties as object).map(([name, each]) => [name, structuralSchema(each as object)])),
    }),
    ...(isSchema(additionalProperties) && { additionalProperties: structuralSchema(additionalProperties) }),
    ...(items !== undefined && { items: structuralSchema(items as object) }),
    ...(required !== undefined && { required }),
    // Kubernetes' word for base64; what exactly may stand there is checked when the object is admitted.
    ...(format === "base64" ? { format: "byte" } : pattern !== undefined && { pattern }),
  };
}

export const anything = { "x-kubernetes-preserve-unknown-fields": true } as const;
export const integerOrText = { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true } as const;

const isSchema = (value: unknown): value is object => typeof value === "object" && value !== null;

const pick = (schema: Schema, keywords: readonly string[]): object =>
  Object.fromEntries(keywords.flatMap((keyword) => (schema[keyword] === undefined ? [] : [[keyword, schema[keyword]]])));

/** Without those of JavaScript's own integers. */
function bounds({ minimum, maximum }: Schema): object {
  return {
    ...(typeof minimum === "number" && Number.isSafeInteger(minimum) && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(typeof maximum === "number" && Number.isSafeInteger(maximum) && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  };
}
