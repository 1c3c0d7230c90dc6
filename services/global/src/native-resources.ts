import type { NativeTarget } from "@atoll/api";
import { parseJson } from "@atoll/resource";
import { readYaml } from "@atoll/yaml";

/**
 * Why a text of a ProxyTemplate is nothing of Envoy's. Envoy's types take a second to load and some memory, and few ever write a
 * ProxyTemplate: they are loaded with the first.
 */
export async function nativeFaultOf(target: NativeTarget, text: string, patch: boolean): Promise<string | undefined> {
  const read = readText(text);
  if ("fault" in read) return read.fault;
  const { nativeFault } = await import("@atoll/translate");
  return nativeFault(target, read.value, patch);
}

/** A text that is no YAML is said to be no JSON, as clients have read it so far. */
function readText(text: string): { value: unknown } | { fault: string } {
  try {
    return { value: readYaml(text) };
  } catch {
    const parsed = parseJson(text);
    if (parsed.ok) return parsed;
    return { fault: parsed.parseError === "unexpected end of JSON input" ? "unexpected EOF" : parsed.parseError };
  }
}
