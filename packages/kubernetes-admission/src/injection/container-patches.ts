import type { Container, KubernetesObject } from "@atoll/kubernetes";
import { applyPatch, Pointer, type Operation } from "rfc6902";
import { InjectionError } from "./injection-error.ts";

interface Block {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  /** JSON. */
  readonly value?: string;
}

interface PatchSpec {
  readonly sidecarPatch?: readonly Block[] | null;
  readonly initPatch?: readonly Block[] | null;
}

export interface NamedPatches {
  readonly names: readonly string[];
  readonly blocks: readonly Block[];
}

/** The patches of the named ContainerPatches, in their order. @throws InjectionError with the names of all that are missing */
export function loadPatches(
  names: readonly string[],
  find: (name: string) => KubernetesObject | undefined,
): { sidecar: NamedPatches; init: NamedPatches } {
  const found = names.map((name) => ({ name, spec: find(name)?.spec as PatchSpec | undefined, isThere: find(name) !== undefined }));
  const missing = found.filter(({ isThere }) => !isThere).map(({ name }) => JSON.stringify(name));
  if (missing.length > 0) throw new InjectionError(`it appears some expected container patches are missing: [${missing.join(" ")}]`);
  const of = (part: keyof PatchSpec): NamedPatches => {
    const used = found.filter(({ spec }) => (spec?.[part] ?? []).length > 0);
    return { names: used.map(({ name }) => name), blocks: used.flatMap(({ spec }) => spec?.[part] ?? []) };
  };
  return { sidecar: of("sidecarPatch"), init: of("initPatch") };
}

/** A container as its patches make it. What an `add` leads through is made if it is not there. @throws InjectionError for a patch that cannot be made */
export function patchContainer(container: Container, { names, blocks }: NamedPatches): Container {
  const patched = structuredClone(container) as object;
  for (const block of blocks) {
    const fault = (reason: string) =>
      new InjectionError(
        `could not apply patches [${names.map((name) => JSON.stringify(name)).join(" ")}]: ${block.op} ${block.path}: ${reason}`,
      );
    try {
      const operation = readOperation(block);
      if (operation.op === "add") ensureParents(patched, block.path);
      const [error] = applyPatch(patched, [operation]);
      if (error) throw error;
    } catch (error) {
      throw fault((error as Error).message);
    }
  }
  return patched as Container;
}

const operations = ["add", "remove", "replace", "move", "copy"];

function readOperation({ op, path, from, value }: Block): Operation {
  if (!operations.includes(op)) throw new Error(`"${op}" is not one of ${operations.join(", ")}`);
  return { op, path, ...(from && { from }), ...(value !== undefined && { value: JSON.parse(value) as unknown }) } as Operation;
}

function ensureParents(root: object, path: string): void {
  const tokens = Pointer.fromJSON(path).tokens.slice(1);
  if (tokens.includes("__proto__")) throw new Error("it is no path of a container");
  let parent = root as Record<string, unknown>;
  for (const [index, token] of tokens.slice(0, -1).entries()) {
    const next = tokens[index + 1]!;
    parent[token] ??= /^(-|\d+)$/.test(next) ? [] : {};
    if (typeof parent[token] !== "object") return;
    parent = parent[token] as Record<string, unknown>;
  }
}
