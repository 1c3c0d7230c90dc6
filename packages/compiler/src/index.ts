export { Compiler, type CompilerOptions, type CompileRound, type FormerConfiguration } from "./compiler.ts";
export type { WithheldPart } from "./withheld-parts.ts";
export { WithheldSummary, type WithheldReport } from "./withheld-summary.ts";
export type { IssuedCertificate } from "./identities.ts";
export { formerAuthorityMs, SecretMaterials, type ResolvedSecrets, type SecretMaterialsOptions } from "./secret-materials.ts";
export { zoneAdminTls } from "./zone-admin-tls.ts";
export { formerAuthorities, type FormerAuthority } from "./former-authorities.ts";
export type { TrialConfiguration } from "./worlds.ts";
export { remadeConfiguration, type SentProxy, type SentRecord } from "./sent-record.ts";
