import { z } from "zod";
import { formatGoDuration, parseGoDuration } from "../../duration.ts";
import { targetRefSchema } from "../plugin-policy.ts";

/** Go's notation, kept as Go writes it. A bad one is no matter of shape: it stays, and the validators say so. */
export const duration = z.string().transform((text) => {
  const read = parseGoDuration(text);
  return "error" in read ? text : formatGoDuration(read.nanoseconds);
});
/** A whole number that Kuma, and Envoy, have in this type: another one cannot be read, which is said where the shape is right (`unreadable`). */
const numberIn = (type: string, min: number, max: number) =>
  z.int().superRefine((value, context) => {
    if (value >= min && value <= max) return;
    context.addIssue({
      code: "custom",
      message: `json: cannot unmarshal number ${value} into Go value of type ${type}`,
      params: { unreadable: true },
    });
  });
export const integer = numberIn("int32", -(2 ** 31), 2 ** 31 - 1);
export const count = numberIn("uint32", 0, 2 ** 32 - 1);
export const integerOrText = z.union([z.number(), z.string()]);
/** An object of these fields; others are left out. */
export const shape = <Shape extends z.ZodRawShape>(fields: Shape) => z.object(fields);

const item = <Conf extends z.ZodType>(conf: Conf) => shape({ targetRef: targetRefSchema, default: conf });
const top = targetRefSchema.optional();

/** A policy on inbounds, for some who call. */
export const inboundPolicy = <Conf extends z.ZodType>(conf: Conf) => shape({ targetRef: top, from: z.array(item(conf)).optional() });
/** A policy on outbounds. */
export const outboundPolicy = <Conf extends z.ZodType>(conf: Conf) => shape({ targetRef: top, to: z.array(item(conf)).optional() });
/** A policy on both, each with the same configuration. */
export const bothWaysPolicy = <Conf extends z.ZodType>(conf: Conf) =>
  shape({ targetRef: top, from: z.array(item(conf)).optional(), to: z.array(item(conf)).optional() });
/** A policy on inbounds, by callers or without regard to them. */
export const rulesPolicy = <Conf extends z.ZodType>(conf: Conf) =>
  shape({ targetRef: top, from: z.array(item(conf)).optional(), rules: z.array(shape({ default: conf })).optional() });
/** A policy with all of these. */
export const policy = <Conf extends z.ZodType>(conf: Conf) =>
  shape({
    targetRef: top,
    from: z.array(item(conf)).optional(),
    to: z.array(item(conf)).optional(),
    rules: z.array(shape({ default: conf })).optional(),
  });

/** A policy with one configuration for the whole proxy. */
export const proxyPolicy = <Conf extends z.ZodType>(conf: Conf) => shape({ targetRef: top, default: conf });

/** Lower case, as HTTP/2 has it (RFC 9113, 8.2). */
export const headerName = z
  .string()
  .min(1, { abort: true })
  .max(256)
  .regex(/^[a-z0-9!#$%&'*+\-.^_\x60|~]+$/);
const headerTypes = ["Exact", "Present", "RegularExpression", "Absent", "Prefix"] as const;
export const headerMatch = shape({ name: headerName, type: z.enum(headerTypes).default("Exact"), value: z.string().optional() });

const headerValues = z.array(shape({ name: headerName, value: z.string() })).max(16);
export const headerModifier = shape({
  set: headerValues.optional(),
  add: headerValues.optional(),
  remove: z.array(z.string()).max(16).optional(),
});

export const backendRef = targetRefSchema.extend({ weight: integer.min(0).default(1), port: count.optional() });
