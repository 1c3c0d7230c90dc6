import type { VirtualOutboundSpec } from "../specs/virtual-outbound.ts";
import { renderGoTemplate } from "../go-template.ts";
import { tag } from "../tags.ts";
import { anyTags, isTagName, validateSelectors } from "./tags.ts";
import { isDnsName } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

type Parameters = VirtualOutboundSpec["conf"]["parameters"];

const undefinedField = "has to be defined";
const parameterName = /^[a-zA-Z0-9]+$/;

export function* validateVirtualOutbound(spec: VirtualOutboundSpec): Violations {
  yield* validateSelectors("selectors", spec.selectors, anyTags);
  if (spec.conf === undefined) {
    yield violation("conf", undefinedField);
    return;
  }
  const { host = "", port = "", parameters = [] }: Partial<VirtualOutboundSpec["conf"]> = spec.conf;
  yield* validateParameters("conf.parameters", parameters);
  yield* validateTemplate("conf.host", host, valuesFor(parameters, "dummy"), hostFault);
  yield* validateTemplate("conf.port", port, valuesFor(parameters, "1"), portFault);
}

function* validateParameters(path: string, parameters: Parameters): Violations {
  const names = new Set<string>();
  for (const [index, { name = "", tagKey = "" }] of parameters.entries()) {
    const field = at(path, index);
    if (names.has(name)) yield violation(`${field}.name`, "name is already used");
    names.add(name);
    if (!isTagName(tagKey)) yield violation(`${field}.tagKey`, "must be a valid tag name");
    if (tagKey === "" && !isTagName(name)) yield violation(`${field}.name`, "must be a valid tag name if you are not setting tagKey");
    if (!parameterName.test(name)) {
      yield violation(`${field}.name`, "must consist of alphanumeric characters to be used as a gotemplate key");
    }
  }
  if (!parameters.some((parameter) => parameter.tagKey === tag.service)) {
    yield violation(path, `must contain a parameter with ${tag.service} as a tagKey`);
  }
}

/** The template is tried out with a value that stands for any other. */
const valuesFor = (parameters: Parameters, value: string): Record<string, string> =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name ?? "", value]));

function* validateTemplate(
  path: string,
  template: string,
  values: Record<string, string>,
  faultOf: (text: string) => string | undefined,
): Violations {
  if (template === "") {
    yield violation(path, undefinedField);
    return;
  }
  const rendered = renderGoTemplate(template, values);
  const fault = "error" in rendered ? rendered.error : faultOf(rendered.text);
  if (fault !== undefined) yield violation(path, `template pre evaluation failed with error=${JSON.stringify(fault)}`);
}

const evaluation = "evaluation of template";

const hostFault = (text: string): string | undefined =>
  isDnsName(text) ? undefined : `${evaluation} with parameters didn't return a valid dns name result=${JSON.stringify(text)}`;

function portFault(text: string): string | undefined {
  if (!/^[-+]?[0-9]{1,18}$/.test(text)) {
    return `${evaluation} with parameters didn't evaluate to a parsable number result=${JSON.stringify(text)}`;
  }
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? undefined : `${evaluation} returned a port outside of the range [1..65535] result=${port}`;
}
