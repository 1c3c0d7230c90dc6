import { z } from "zod";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

/** Body of `POST /bootstrap`, as kuma-dp 2.10 sends it; keys are matched without regard to case, like its own decoder does. */
const schema = z.object({
  mesh: text,
  name: text,
  proxyType: text,
  dataplaneToken: text,
  dataplaneTokenPath: text,
  dataplaneResource: text,
  caCert: text,
  workdir: text,
  systemCaPath: text,
  version: z.record(z.string(), z.unknown()).nullish(),
  dynamicMetadata: z.record(z.string(), z.string()).nullish(),
  dnsPort: z.number().nullish(),
  readinessPort: z.number().nullish(),
  appProbeProxyDisabled: z.boolean().nullish(),
  features: z.array(z.string()).nullish(),
  resources: z.object({ maxHeapSizeBytes: z.number().nullish() }).nullish(),
  metricsResources: z.object({ certPath: text, keyPath: text }).nullish(),
  ipv6Enabled: z.boolean().nullish(),
  /** Atoll's own: state-of-the-world instead of delta. */
  xdsTransport: z.enum(["delta", "sotw"]).nullish(),
});

export type BootstrapRequest = z.infer<typeof schema>;

const canonical = new Map(Object.keys(schema.shape).map((key) => [key.toLowerCase(), key]));

/** Undefined when the body is not JSON or a field has the wrong type: answered with 400 and an empty body. */
export function parseBootstrapRequest(body: string): BootstrapRequest | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const parsed = schema.safeParse(
    Object.fromEntries(Object.entries(raw).map(([key, value]) => [canonical.get(key.toLowerCase()) ?? key, value])),
  );
  return parsed.success ? parsed.data : undefined;
}
