/**
 * A protoc plugin: writes `files.js`, which imports every generated module and lists its descriptor, so that a registry of all
 * types needs no list kept by hand.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponse_FileSchema,
  CodeGeneratorResponseSchema,
} from "@bufbuild/protobuf/wkt";
import { readFileSync, writeFileSync } from "node:fs";

const request = fromBinary(CodeGeneratorRequestSchema, readFileSync(0));
const names = request.fileToGenerate.map((name) => name.replace(/\.proto$/, ""));

/** The name protoc-gen-es gives to a file's descriptor. */
const descriptorName = (name: string): string => `file_${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`;

const source = [
  ...names.map((name) => `import { ${descriptorName(name)} } from "./${name}_pb.js";`),
  "",
  "export const files = [",
  ...names.map((name) => `  ${descriptorName(name)},`),
  "];",
  "",
].join("\n");
const types = `import type { DescFile } from "@bufbuild/protobuf";\n\nexport declare const files: readonly DescFile[];\n`;

const response = create(CodeGeneratorResponseSchema, {
  supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL | CodeGeneratorResponse_Feature.SUPPORTS_EDITIONS),
  minimumEdition: 998,
  maximumEdition: 1001,
  file: [
    create(CodeGeneratorResponse_FileSchema, { name: "files.js", content: source }),
    create(CodeGeneratorResponse_FileSchema, { name: "files.d.ts", content: types }),
  ],
});
writeFileSync(1, toBinary(CodeGeneratorResponseSchema, response));
