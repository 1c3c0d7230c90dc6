export { loadSealingKey, storeSealingKey } from "./key-file.ts";
export { SealingKey, type SealedBytes } from "./sealing-key.ts";
export { SecretError, type SecretErrorCode } from "./secret-error.ts";
export {
  isSecretType,
  revealSecret,
  sealSecret,
  sealingKeyName,
  unsealSecret,
  type KeyRing,
  type SealedSecretSpec,
  type SealingKeyName,
  type SecretSpec,
} from "./secret-resource.ts";
export { deriveServiceBearer, isServiceBearer } from "./service-bearer.ts";
