import type { VirtualOutboundSpec } from "../specs/virtual-outbound.ts";
import { tag } from "../tags.ts";
import { renderOutboundTemplate } from "../virtual-outbound.ts";
import { anyTags, validateSelectors } from "./tags.ts";
import { isDnsName } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

type Parameters = VirtualOutboundSpec["conf"]["parameters"];

const parameterName = /^[a-zA-Z0-9]+$/;
/** Stands for any value: fits as a part of a host name and as a port. */
const dummy = "1";

export function* validateVirtualOutbound(spec: VirtualOutboundSpec): Violations {
  yield* validateSelectors("selectors", spec.selectors, anyTags);
  const { host = "", port = "", parameters = [] }: Partial<VirtualOutboundSpec["conf"]> = spec.conf ?? {};
  const values = Object.fromEntries(parameters.map((parameter) => [parameter.name ?? "", dummy]));
  yield* validateTemplate("conf.host", host, values, (text) => (isDnsName(text) ? undefined : `"${text}" is not a valid DNS name`));
  yield* validateTemplate("conf.port", port, values, portFault);
  yield* validateParameters("conf.parameters", parameters);
}

function* validateTemplate(
  path: string,
  template: string,
  values: Record<string, string>,
  faultOf: (text: string) => string | undefined,
): Violations {
  if (template === "") {
    yield violation(path, "cannot be empty");
    return;
  }
  const rendered = renderOutboundTemplate(template, values);
  const fault = "error" in rendered ? rendered.error : faultOf(rendered.text);
  if (fault !== undefined) yield violation(path, `template pre evaluation failed with error=${JSON.stringify(fault)}`);
}

function portFault(text: string): string | undefined {
  const port = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return port >= 1 && port <= 65_535 ? undefined : `"${text}" is not a valid port number`;
}

function* validateParameters(path: string, parameters: Parameters): Violations {
  const names = new Set<string>();
  for (const [index, { name = "" }] of parameters.entries()) {
    const field = `${at(path, index)}.name`;
    if (!parameterName.test(name)) yield violation(field, `must match regexp ${parameterName.source}`);
    else if (names.has(name)) yield violation(field, "name is already used");
    names.add(name);
  }
  if (!parameters.some((parameter) => (parameter.tagKey ?? parameter.name) === tag.service)) {
    yield violation(path, `must contain a parameter with "${tag.service}" as a tagKey`);
  }
}
