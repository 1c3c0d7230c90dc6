export { affectedMeshes, type Affected } from "./affected.ts";
export { Compiler, type CompilerOptions, type CompileRound, type WatchedReader } from "./compiler.ts";
export { isOffline, OnlineProxies } from "./online-proxies.ts";
export { SecretMaterials, type IssuedCertificate, type SecretMaterialsOptions } from "./secret-materials.ts";
