import { Document, isScalar, parseDocument, Scalar, visit } from "yaml";

const metaFields = new Set(["type", "mesh", "name", "creationTime", "modificationTime", "labels", "kri"]);

/** YAML as kumactl prints it, so that scripts and comparisons written for its output hold: keys sorted, lists not indented. */
export function renderYaml(value: unknown): string {
  const document = new Document(value, { schema: "yaml-1.1", sortMapEntries: true, aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === "string" && readsAsAnotherType(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ indentSeq: false, singleQuote: true, lineWidth: 0 });
}

/** One resource: what it is called first, then what it says. */
export function renderResourceYaml(resource: Record<string, unknown>): string {
  const pick = (meta: boolean) => Object.fromEntries(Object.entries(resource).filter(([field]) => metaFields.has(field) === meta));
  const spec = pick(false);
  return renderYaml(pick(true)) + (Object.keys(spec).length === 0 ? "" : renderYaml(spec));
}

/** Unquoted, it would be read as a number, a truth value, a time or nothing at all. */
function readsAsAnotherType(text: string): boolean {
  const { contents } = parseDocument(text, { schema: "yaml-1.1", logLevel: "error" });
  return text === "" || (isScalar(contents) && typeof contents.value !== "string");
}
