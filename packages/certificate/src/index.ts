export { createAdminTls, type AdminTls } from "./admin-tls.ts";
export { canBeAuthority } from "./authority.ts";
export { caSourceOf, readDataSource, type CaBackend, type CaSource, type DataSource } from "./ca-backend.ts";
export { CertificateError } from "./certificate-error.ts";
export { parseGatewayBundle, type GatewayBundle } from "./gateway-bundle.ts";
export {
  defaultLeafLifetimeMs,
  identityOf,
  identityUris,
  issueLeaf,
  zoneEgressIdentity,
  type Identity,
  type LeafCertificate,
  type LeafOptions,
} from "./leaf.ts";
export { isDueForRenewal, parseLifetimeMs, renewAtMs, type Validity } from "./lifetime.ts";
export { builtinCaSecretNames, CertificateAuthority, createBuiltinCa, validateProvidedCa, type PemPair } from "./mesh-ca.ts";
export { readCertificates, readPrivateKey } from "./pem.ts";
export { generateEcKey, generateRsaKey, type KeyPair } from "./keys.ts";
export {
  configuredCertificate,
  loadServiceCertificate,
  type ServiceCertificate,
  type ServiceCertificateOptions,
} from "./service-certificate.ts";
export {
  createSelfSignedCertificate,
  createServerCertificate,
  loadOrCreateServerCertificate,
  localServerNames,
  readServerCertificate,
} from "./server-certificate.ts";
