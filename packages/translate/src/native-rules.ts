import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescOneof, MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { FieldRules } from "@atoll/envoy-api/validate/validate_pb.js";
import { disabled, required, rules } from "@atoll/envoy-api/validate/validate_pb.js";

/**
 * What Envoy's API demands of the fields of a message beyond their types: names that are not empty, ports in their range. The first fault
 * in the order of the fields, in the words of the validators that are generated from these rules; undefined if there is none.
 * https://github.com/bufbuild/protoc-gen-validate
 */
export function ruleFault<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string | undefined {
  return faultOf(reflect(schema, message));
}

function faultOf(message: ReflectMessage): string | undefined {
  const { desc } = message;
  if (hasOption(desc, disabled) && getOption(desc, disabled)) return undefined;
  for (const field of desc.fields) {
    if (realOneof(field) !== undefined) continue;
    const fault = fieldFault(message, field);
    if (fault !== undefined) return fault;
  }
  for (const oneof of desc.oneofs) {
    const chosen = message.oneofCase(oneof);
    if (chosen === undefined && hasOption(oneof, required) && getOption(oneof, required)) return says(desc, oneof, "value is required");
    const fault = chosen === undefined ? undefined : fieldFault(message, chosen);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const realOneof = (field: DescField): DescOneof | undefined => (field.proto.proto3Optional ? undefined : field.oneof);

function fieldFault(message: ReflectMessage, field: DescField): string | undefined {
  const { desc } = message;
  const rule = hasOption(field, rules) ? getOption(field, rules) : undefined;
  const isSet = message.isSet(field);
  if (field.fieldKind === "message") {
    const needed = rule?.message?.required === true || (rule?.type.case === "duration" && rule.type.value.required === true);
    if (!isSet) return needed ? says(desc, field, "value is required") : undefined;
    const value = message.get(field) as ReflectMessage;
    const fault = wrappedFault(rule, value);
    return fault === undefined ? embedded(desc, field.name, faultOf(value)) : says(desc, field, fault);
  }
  if (field.fieldKind === "list") {
    const items = [...(message.get(field) as Iterable<unknown>)];
    const { minItems, items: each } = rule?.type.case === "repeated" ? said(rule.type.value) : {};
    if (minItems !== undefined && items.length < Number(minItems))
      return says(desc, field, `value must contain at least ${minItems} item(s)`);
    for (const [index, item] of items.entries()) {
      const at = `${field.name}[${index}]`;
      if (field.listKind === "message") {
        const fault = embedded(desc, at, faultOf(item as ReflectMessage));
        if (fault !== undefined) return fault;
      } else {
        const fault = valueFault(each, item, field.listKind === "enum" ? field.enum.values : undefined);
        if (fault !== undefined) return `invalid ${goName(desc)}.${camel(at)}: ${fault}`;
      }
    }
    return undefined;
  }
  if (field.fieldKind === "map") {
    if (field.mapKind !== "message") return undefined;
    for (const [key, value] of message.get(field) as Iterable<[unknown, unknown]>) {
      const fault = embedded(desc, `${field.name}[${String(key)}]`, faultOf(value as ReflectMessage));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  if (field.proto.proto3Optional && !isSet) return undefined;
  const fault = valueFault(rule, message.get(field), field.fieldKind === "enum" ? field.enum.values : undefined);
  return fault === undefined ? undefined : says(desc, field, fault);
}

/** Rules of a duration, or of a scalar in its wrapper message. */
function wrappedFault(rule: FieldRules | undefined, value: ReflectMessage): string | undefined {
  if (rule?.type.case === "duration") {
    const nanoseconds = (one: { seconds: bigint; nanos: number }) => one.seconds * 1_000_000_000n + BigInt(one.nanos);
    const { gt, gte, lt, lte } = said(rule.type.value);
    const limits = Object.fromEntries(
      Object.entries({ gt, gte, lt, lte }).flatMap(([name, one]) => (one === undefined ? [] : [[name, nanoseconds(one)]])),
    );
    return rangeFault(nanoseconds(value.message as never), limits, goDuration);
  }
  const inner = /^google\.protobuf\.\w+Value$/.test(value.desc.typeName) ? value.desc.fields[0] : undefined;
  return inner === undefined || inner.fieldKind !== "scalar" ? undefined : valueFault(rule, value.get(inner), undefined);
}

function valueFault(
  rule: FieldRules | undefined,
  value: unknown,
  enumValues: readonly { number: number }[] | undefined,
): string | undefined {
  const type = rule?.type;
  if (type?.case === "string") {
    const { minLen, minBytes, maxBytes, ignoreEmpty, in: choices = [] } = said(type.value);
    const text = value as string;
    if (ignoreEmpty === true && text === "") return undefined;
    if (minLen !== undefined && BigInt([...text].length) < minLen) return `value length must be at least ${minLen} runes`;
    if (minBytes !== undefined && BigInt(Buffer.byteLength(text)) < minBytes) return `value length must be at least ${minBytes} bytes`;
    if (maxBytes !== undefined && BigInt(Buffer.byteLength(text)) > maxBytes) return `value length must be at most ${maxBytes} bytes`;
    return choices.length > 0 && !choices.includes(text) ? `value must be in list [${choices.join(" ")}]` : undefined;
  }
  if (type?.case === "enum") {
    const known = enumValues === undefined || enumValues.some(({ number }) => number === value);
    return type.value.definedOnly === true && !known ? "value must be one of the defined enum values" : undefined;
  }
  if (typeof value === "number" || typeof value === "bigint")
    return rangeFault(value, said(type?.value ?? {}) as Limits<typeof value>, String);
  return undefined;
}

/** The rules that are there: those that are not read as zeros. */
const said = <M extends object>(message: M): Partial<M> => ({ ...message });

type Limits<N> = { gt?: N; gte?: N; lt?: N; lte?: N };

function rangeFault<N extends number | bigint>(value: N, { gt, gte, lt, lte }: Limits<N>, show: (limit: N) => string): string | undefined {
  const low = gt ?? gte;
  const high = lt ?? lte;
  const tooLow = (gt !== undefined && value <= gt) || (gte !== undefined && value < gte);
  const tooHigh = (lt !== undefined && value >= lt) || (lte !== undefined && value > lte);
  if (!tooLow && !tooHigh) return undefined;
  if (low !== undefined && high !== undefined)
    return `value must be inside range ${gt === undefined ? "[" : "("}${show(low)}, ${show(high)}${lt === undefined ? "]" : ")"}`;
  if (low !== undefined) return `value must be greater than ${gt === undefined ? "or equal to " : ""}${show(low)}`;
  return `value must be less than ${lt === undefined ? "or equal to " : ""}${show(high!)}`;
}

const goDuration = (nanoseconds: bigint): string =>
  nanoseconds !== 0n && nanoseconds % 1_000_000_000n !== 0n ? `${Number(nanoseconds) / 1e6}ms` : `${nanoseconds / 1_000_000_000n}s`;

const says = (desc: DescMessage, at: DescField | DescOneof, reason: string): string =>
  `invalid ${goName(desc)}.${camel(at.name)}: ${reason}`;

const embedded = (desc: DescMessage, at: string, fault: string | undefined): string | undefined =>
  fault === undefined ? undefined : `invalid ${goName(desc)}.${camel(at)}: embedded message failed validation | caused by: ${fault}`;

/** `Cluster_CommonLbConfig`: a nested message under the name that generated code gives it. */
const goName = ({ typeName, file }: DescMessage): string => typeName.slice(file.proto.package.length + 1).replaceAll(".", "_");

const camel = (name: string): string => name.replaceAll(/(?:^|_)([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase());
