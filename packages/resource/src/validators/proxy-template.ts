import type { ProxyTemplateSpec } from "../specs/proxy-template.ts";
import type { Violations } from "./violation.ts";

export function* validateProxyTemplate(_spec: ProxyTemplateSpec): Violations {}
