import { violation, type Violations } from "./violation.ts";

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainRule =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const meshCharacters = /^[0-9a-z\-_.]*$/;
const meshRule = "invalid characters. Valid characters are numbers, lowercase latin letters and '-', '_', '.' symbols.";

export const maxNameLength = 253;

/** The form of a resource's name. */
export const validateName = (field: string, name: string): Violations => validateIdentifier(field, name, subdomain, subdomainRule);

/** The form of the name of the mesh that a resource is in. */
export const validateMeshName = (field: string, mesh: string): Violations => validateIdentifier(field, mesh, meshCharacters, meshRule);

function* validateIdentifier(field: string, identifier: string, characters: RegExp, rule: string): Violations {
  if (identifier === "") yield violation(field, "cannot be empty");
  else if (identifier.length > maxNameLength) yield violation(field, `value length must less or equal ${maxNameLength}`);
  else if (!characters.test(identifier)) yield violation(field, rule);
}
