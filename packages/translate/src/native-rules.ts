import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescOneof, Message, MessageShape } from "@bufbuild/protobuf";
import type { FieldRules } from "@atoll/envoy-api/validate/validate_pb.js";
import { disabled, required, rules } from "@atoll/envoy-api/validate/validate_pb.js";
import { durationFault, valueRule } from "./value-rules.ts";

/** The first fault of a message, in words; undefined if it has none. */
type Check = (message: Message) => string | undefined;
/** The same of the value of one field, without the name of the field. */
type Inspect = (value: unknown) => { at: string; fault: string; embedded: boolean } | undefined;

/** What is demanded of a message beyond the rules of its fields, by type: Envoy's code demands it, and its API does not say so. */
export type MessageRules = ReadonlyMap<string, (message: never) => string | undefined>;

/**
 * Makes what finds the first fault of a message by what Envoy's API demands of fields beyond their types (names that are not empty, ports in their
 * range), in the order of the fields and in the words of the validators that are generated from these rules; undefined if there is none.
 * https://github.com/bufbuild/protoc-gen-validate
 */
export function createRuleFault(
  more: MessageRules,
): <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) => string | undefined {
  const known = new Map<string, Check | undefined>();
  /** undefined if nothing is demanded of the type, so that nothing of it need be looked at. */
  const checkOf = (desc: DescMessage): Check | undefined => {
    if (known.has(desc.typeName)) return known.get(desc.typeName);
    // These demand nothing, and what stands for them in a message is not of their form.
    if (desc.typeName.startsWith("google.protobuf.") && !more.has(desc.typeName)) return undefined;
    // Types may contain themselves: until it is known what one demands, it may demand something.
    known.set(desc.typeName, (message) => known.get(desc.typeName)?.(message));
    const check =
      hasOption(desc, disabled) && getOption(desc, disabled) ? undefined : makeCheck(desc, checkOf, more.get(desc.typeName) as Check);
    known.set(desc.typeName, check);
    return check;
  };
  return (schema, message) => checkOf(schema)?.(message);
}

function makeCheck(desc: DescMessage, checkOf: (desc: DescMessage) => Check | undefined, more: Check | undefined): Check | undefined {
  const checks: Check[] = [];
  for (const field of desc.fields) {
    if (realOneof(field) !== undefined) continue;
    const inspect = inspectField(field, checkOf);
    if (inspect === undefined) continue;
    checks.push((message) => said(desc, inspect((message as unknown as Record<string, unknown>)[field.localName])));
  }
  for (const oneof of desc.oneofs) {
    const needed = hasOption(oneof, required) && getOption(oneof, required);
    const inspects = new Map(oneof.fields.flatMap((field) => [[field.localName, inspectField(field, checkOf)] as const]));
    if (!needed && [...inspects.values()].every((inspect) => inspect === undefined)) continue;
    checks.push((message) => {
      const chosen = (message as unknown as Record<string, { case?: string; value?: unknown }>)[oneof.localName];
      if (chosen?.case === undefined) return needed ? says(desc, oneof.name, "value is required") : undefined;
      return said(desc, inspects.get(chosen.case)?.(chosen.value));
    });
  }
  if (more !== undefined) checks.push(more);
  return checks.length === 0 ? undefined : (message) => first(checks, message);
}

function first(checks: readonly Check[], message: Message): string | undefined {
  for (const check of checks) {
    const fault = check(message);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const realOneof = (field: DescField): DescOneof | undefined => (field.proto.proto3Optional ? undefined : field.oneof);

function inspectField(field: DescField, checkOf: (desc: DescMessage) => Check | undefined): Inspect | undefined {
  const rule = hasOption(field, rules) ? getOption(field, rules) : undefined;
  switch (field.fieldKind) {
    case "message":
      return inspectMessage(field.name, field.message, rule, checkOf);
    case "list":
      return inspectList(field, rule, checkOf);
    case "map": {
      const check = field.mapKind === "message" ? checkOf(field.message) : undefined;
      if (check === undefined) return undefined;
      return (value) => {
        for (const [key, item] of Object.entries(value as Record<string, Message>)) {
          const fault = check(item);
          if (fault !== undefined) return { at: `${field.name}[${key}]`, fault, embedded: true };
        }
        return undefined;
      };
    }
    default: {
      const inspect = valueRule(rule, field.fieldKind === "enum" ? field.enum.values : undefined);
      if (inspect === undefined) return undefined;
      return (value) => {
        const fault = value === undefined ? undefined : inspect(value);
        return fault === undefined ? undefined : { at: field.name, fault, embedded: false };
      };
    }
  }
}

function inspectMessage(
  name: string,
  desc: DescMessage,
  rule: FieldRules | undefined,
  checkOf: (desc: DescMessage) => Check | undefined,
): Inspect | undefined {
  const type = rule?.type;
  const needed = rule?.message?.required === true || ((type?.case === "duration" || type?.case === "any") && type.value.required);
  const check = checkOf(desc);
  const ofDuration = type?.case === "duration" ? durationFault(type.value) : undefined;
  // A scalar in its wrapper message, which stands there as the scalar itself.
  const ofScalar = /^google\.protobuf\.\w+Value$/.test(desc.typeName) ? valueRule(rule, undefined) : undefined;
  if (!needed && check === undefined && ofDuration === undefined && ofScalar === undefined) return undefined;
  return (value) => {
    if (value === undefined) return needed ? { at: name, fault: "value is required", embedded: false } : undefined;
    const fault = ofDuration?.(value) ?? ofScalar?.(unwrapped(value));
    if (fault !== undefined) return { at: name, fault, embedded: false };
    const inside = check?.(value as Message);
    return inside === undefined ? undefined : { at: name, fault: inside, embedded: true };
  };
}

const unwrapped = (value: unknown): unknown => (typeof value === "object" && value !== null ? (value as { value?: unknown }).value : value);

function inspectList(
  field: DescField & { fieldKind: "list" },
  rule: FieldRules | undefined,
  checkOf: (desc: DescMessage) => Check | undefined,
): Inspect | undefined {
  const {
    minItems,
    maxItems,
    items: each,
  } = (rule?.type.case === "repeated" ? { ...rule.type.value } : {}) as Partial<{
    minItems: bigint;
    maxItems: bigint;
    items: FieldRules;
  }>;
  const check = field.listKind === "message" ? checkOf(field.message) : undefined;
  const scalar = field.listKind === "message" ? undefined : valueRule(each, field.listKind === "enum" ? field.enum.values : undefined);
  if (minItems === undefined && maxItems === undefined && check === undefined && scalar === undefined) return undefined;
  return (value) => {
    const items = value as readonly unknown[];
    const wrong = (fault: string) => ({ at: field.name, fault, embedded: false });
    if (minItems !== undefined && items.length < Number(minItems)) return wrong(`value must contain at least ${minItems} item(s)`);
    if (maxItems !== undefined && items.length > Number(maxItems)) return wrong(`value must contain no more than ${maxItems} item(s)`);
    for (const [index, item] of items.entries()) {
      const fault = check ? check(item as Message) : scalar?.(item);
      if (fault !== undefined) return { at: `${field.name}[${index}]`, fault, embedded: check !== undefined };
    }
    return undefined;
  };
}

function said(desc: DescMessage, found: ReturnType<Inspect>): string | undefined {
  if (found === undefined) return undefined;
  return says(desc, found.at, found.embedded ? `embedded message failed validation | caused by: ${found.fault}` : found.fault);
}

/** In the words of generated validators. */
export const says = (desc: { typeName: string; file: { proto: { package: string } } }, at: string, reason: string): string =>
  `invalid ${goName(desc)}.${camel(at)}: ${reason}`;

/** `Cluster_CommonLbConfig`: a nested message under the name that generated code gives it. */
const goName = ({ typeName, file }: Parameters<typeof says>[0]): string =>
  typeName.slice(file.proto.package.length + 1).replaceAll(".", "_");

const camel = (name: string): string => name.replaceAll(/(?:^|_)([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase());
