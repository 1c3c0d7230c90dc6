export { answerBootstrap, BootstrapProblem, type BootstrapContext } from "./bootstrap-answer.ts";
export { DpServer, type DpServerOptions } from "./dp-server.ts";
export type { Clock, Log, ZoneStore } from "./ports.ts";
export type { ProxyAuthentication, TokenVerifier } from "./proxy-authenticator.ts";
export { proxyTypes, resourceTypeOf } from "./proxy-records.ts";
export { ProxyLifecycle, RegistrationError, type ProxyLifecycleOptions } from "./proxy-lifecycle.ts";
export { completeRegistration } from "./registration.ts";
export { createTokenVerifier, TokenRefused } from "./token-verifier.ts";
