import { z } from "zod";
import { rulesPolicy, shape } from "./common.ts";

const versions = z.enum(["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"]).default("TLSAuto");
const ciphers = z.enum([
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
]);
const tls = shape({
  mode: z.enum(["Permissive", "Strict"]).optional(),
  tlsVersion: shape({ min: versions, max: versions }).optional(),
  tlsCiphers: z.array(ciphers).optional(),
});

export const meshTlsSchema = rulesPolicy(tls.optional());
export type MeshTlsSpec = z.infer<typeof meshTlsSchema>;
