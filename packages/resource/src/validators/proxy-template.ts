import type { ProxyTemplateModification, ProxyTemplateSpec } from "../specs/proxy-template.ts";
import { tagsWithService, validateSelectors } from "./tags.ts";
import { at, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";
const imports = ["default-proxy", "egress-proxy", "gateway-proxy", "ingress-proxy"];
const resourceOperations = ["add", "patch", "remove"];
const filterOperations = ["addFirst", "addLast", "addBefore", "addAfter", "patch", "remove"];
/** Operations on filters that need to know which one. */
const atFilter: Record<string, string> = {
  addBefore: `${empty}. You need to pick a filter before which this one will be added`,
  addAfter: `${empty}. You need to pick a filter after which this one will be added`,
  patch: empty,
};

export function* validateProxyTemplate(spec: ProxyTemplateSpec): Violations {
  yield* validateSelectors("selectors", spec.selectors, { ...tagsWithService, optional: true });
  const { conf = {} } = spec;
  for (const [index, name] of (conf.imports ?? []).entries()) {
    const field = at("conf.imports", index);
    if (name === "") yield violation(field, empty);
    else if (!imports.includes(name)) yield violation(field, `profile not found. Available profiles: ${imports.join(",")}`);
  }
  for (const [index, resource] of (conf.resources ?? []).entries()) {
    const field = at("conf.resources", index);
    for (const name of ["name", "version", "resource"] as const) {
      if (!resource[name]) yield violation(`${field}.${name}`, empty);
    }
  }
  for (const [index, modification] of (conf.modifications ?? []).entries()) {
    yield* validateModification(at("conf.modifications", index), modification);
  }
}

function* validateModification(path: string, modification: ProxyTemplateModification): Violations {
  for (const [name, change] of Object.entries(modification)) {
    const onFilter = name === "networkFilter" || name === "httpFilter";
    const operations = onFilter ? filterOperations : resourceOperations;
    const field = `${path}.${name}`;
    const { operation = "" } = change;
    if (!operations.includes(operation)) {
      yield violation(`${field}.operation`, `invalid operation. Available operations: ${operations.map((one) => `"${one}"`).join(", ")}`);
    }
    if (operation === "add") {
      // A virtual host is added to a route configuration, so there only the name is out of place.
      if (name === "virtualHost") {
        if (change.match?.name) yield violation(`${field}.match.name`, "cannot be defined");
      } else if (change.match) yield violation(`${field}.match`, "cannot be defined");
    }
    const unnamed = atFilter[operation];
    if (onFilter && unnamed !== undefined && !change.match?.name) yield violation(`${field}.match.name`, unnamed);
    if (operation !== "remove" && operations.includes(operation) && !change.value) {
      yield violation(`${field}.value`, "native Envoy resource is not valid: value is empty");
    }
  }
}
