export { decodeText } from "./decode-text.ts";
export { readYaml, readYamlStream, type YamlDocument } from "./read-yaml.ts";
export { YamlError } from "./yaml-error.ts";
