export { decodeText } from "./decode-text.ts";
export { fileError, fileFault, readTextFile } from "./read-text-file.ts";
export { readYaml, readYamlStream, type YamlDocument } from "./read-yaml.ts";
export { YamlError } from "./yaml-error.ts";
