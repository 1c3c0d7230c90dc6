import { z } from "zod";

/** Schemas of MeshService, MeshExternalService, MeshMultiZoneService and HostnameGenerator. Fields of the future are dropped, as in Kuma. */

const labels = z.record(z.string(), z.string());
const port = z.int().min(1).max(65_535);

export const meshServiceSchema = z.object({
  state: z.enum(["Available", "Unavailable"]).default("Unavailable"),
  selector: z
    .object({ dataplaneTags: labels.optional(), dataplaneRef: z.object({ name: z.string().optional() }).optional() })
    .default(() => ({})),
  ports: z
    .array(
      z.object({
        name: z.string().optional(),
        port: z.int(),
        /** Port or name of an inbound; 0 = the same as `port`. */
        targetPort: z.union([z.int(), z.string()], { error: anyOf("integer") }).default(0),
        appProtocol: z.string().default("tcp"),
      }),
    )
    .optional(),
  identities: z.array(z.object({ type: z.enum(["ServiceTag"]), value: z.string() })).optional(),
});
export type MeshServiceSpec = z.infer<typeof meshServiceSchema>;
export type MeshServicePort = NonNullable<MeshServiceSpec["ports"]>[number];

const tlsVersions = ["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"] as const;
const dataSource = z.object({
  secret: z.string().optional(),
  inline: z.base64().optional(),
  inlineString: z.string().optional(),
});

export const meshExternalServiceSchema = z.object({
  match: z.object({
    type: z.enum(["HostnameGenerator"]).default("HostnameGenerator"),
    port,
    protocol: z.enum(["tcp", "grpc", "http", "http2"]).default("tcp"),
  }),
  extension: z.object({ type: z.string(), config: z.unknown().optional() }).optional(),
  endpoints: z.array(z.object({ address: z.string().min(1), port })).optional(),
  tls: z
    .object({
      enabled: z.boolean().default(false),
      version: z.object({ min: z.enum(tlsVersions).default("TLSAuto"), max: z.enum(tlsVersions).default("TLSAuto") }).optional(),
      allowRenegotiation: z.boolean().default(false),
      verification: z
        .object({
          mode: z.enum(["SkipSAN", "SkipCA", "Secured", "SkipAll"]).default("Secured"),
          serverName: z.string().optional(),
          subjectAltNames: z.array(z.object({ type: z.enum(["Exact", "Prefix"]).default("Exact"), value: z.string() })).optional(),
          caCert: dataSource.optional(),
          clientCert: dataSource.optional(),
          clientKey: dataSource.optional(),
        })
        .optional(),
    })
    .optional(),
});
export type MeshExternalServiceSpec = z.infer<typeof meshExternalServiceSchema>;

export const meshMultiZoneServiceSchema = z.object({
  selector: z.object({ meshService: z.object({ matchLabels: labels }) }),
  ports: z.array(z.object({ name: z.string().optional(), port: z.int(), appProtocol: z.string().default("tcp") })).min(1),
});
export type MeshMultiZoneServiceSpec = z.infer<typeof meshMultiZoneServiceSchema>;

const labelSelector = z.object({ matchLabels: labels.optional() });

export const hostnameGeneratorSchema = z.object({
  selector: z
    .object({
      meshService: labelSelector.optional(),
      meshExternalService: labelSelector.optional(),
      meshMultiZoneService: labelSelector.optional(),
    })
    .default(() => ({})),
  template: z.string().default(""),
});
export type HostnameGeneratorSpec = z.infer<typeof hostnameGeneratorSchema>;

export const serviceSchemas = {
  MeshService: meshServiceSchema,
  MeshExternalService: meshExternalServiceSchema,
  MeshMultiZoneService: meshMultiZoneServiceSchema,
  HostnameGenerator: hostnameGeneratorSchema,
} as const;

/** The document of a kind with a status is stored whole. */
export interface WithStatus<Spec, Status = Record<string, unknown>> {
  spec: Spec;
  status?: Status;
}

function anyOf(expected: string) {
  return ({ input }: { input?: unknown }): string =>
    `in body must be of type ${expected}: "${input === null ? "null" : Array.isArray(input) ? "array" : typeof input}"`;
}
