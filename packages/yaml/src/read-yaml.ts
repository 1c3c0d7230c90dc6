import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type Node,
  type YAMLMap,
  type YAMLParseError,
  type YAMLWarning,
} from "yaml";
import { keyText, resolvePlain, resolveTagged, type ScalarValue } from "./scalar.ts";
import { YamlError } from "./yaml-error.ts";

export interface YamlDocument {
  /** As JSON could say it. */
  value: unknown;
  /** Where it begins, from 1. */
  line: number;
}

/**
 * Reads the first document of a text the way `sigs.k8s.io/yaml` does, by which Kuma reads all of its files: merge keys, `yes` and `no`,
 * octal 010, the last of equal keys. An empty text is null. @throws YamlError
 */
export const readYaml = (text: string): unknown => readYamlStream(text)[0]?.value ?? null;

/** Reads every document of a text; empty ones are null. @throws YamlError */
export function readYamlStream(given: string): YamlDocument[] {
  const text = given.replace(/^\ufeff/, "").replaceAll(/\r(?!\n)/g, "\n");
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const odd = disallowed.exec(text);
  if (odd !== null) throw new YamlError("control characters are not allowed", placeIn(text, odd.index));
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      schema: "failsafe",
      resolveKnownTags: false,
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
    return [...documents].map((document) => {
      const error = [...document.errors, ...document.warnings].find(isFault);
      if (error !== undefined) throw new YamlError(usualWords[error.code] ?? error.message, at(error.pos[0]));
      const fail = (reason: string, node: Node | null | undefined): never => {
        throw new YamlError(reason, at(node?.range?.[0] ?? 0));
      };
      const { contents } = document;
      return { value: new Decoder(document, text, fail).decode(contents), line: at(contents?.range?.[0] ?? 0).line };
    });
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError("the text is nested too deeply", { line: 1, column: 1 });
    throw error;
  }
}

/** What people have read so far where the parser puts it in its own terms. */
const usualWords: Partial<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: "mapping values are not allowed in this context",
  MULTILINE_IMPLICIT_KEY: "could not find expected ':'",
};

/** All that YAML 1.1 does not count as printable. */
const disallowed = /[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

function placeIn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** Go's reader lets a comment begin right after a quote, and knows no directives but YAML and TAG: it may be a line of the text. */
const isFault = ({ name, code, message }: YAMLParseError | YAMLWarning): boolean =>
  name === "YAMLWarning" ? code === "BAD_DIRECTIVE" : !message.startsWith("Comments must be separated");

type Fail = (reason: string, node: Node | null | undefined) => never;

/** Small texts may consist of aliases nearly as a whole, large ones to a tenth, so that no short text stands for a huge one. */
function allowedAliasShare(steps: number): number {
  const [low, high] = [400_000, 4_000_000];
  if (steps <= low) return 0.99;
  return steps >= high ? 0.1 : 0.99 - (0.89 * (steps - low)) / (high - low);
}

class Decoder {
  readonly #anchored = new Map<Node, Node>();
  readonly #fail: Fail;
  /** Where the text ends, if its last line does not. */
  readonly #openEnd: number | undefined;
  readonly #open = new Set<Node>();
  #steps = 0;
  #aliasSteps = 0;
  #aliasDepth = 0;

  constructor(document: Document.Parsed, text: string, fail: Fail) {
    this.#openEnd = text.endsWith("\n") ? undefined : text.length;
    this.#fail = fail;
    const anchors = new Map<string, Node>();
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target === undefined) fail(`unknown anchor '${node.source}' referenced`, node);
          else this.#anchored.set(node, target);
        } else if (node.anchor !== undefined) {
          if (!/^[\w-]+$/.test(node.anchor)) fail(`the anchor "${node.anchor}" may have letters, digits, - and _ only`, node);
          anchors.set(node.anchor, node);
        }
      },
    });
  }

  decode(node: unknown): unknown {
    this.#count(node as Node | null);
    if (node === null) return null;
    if (isAlias(node)) return this.#follow(node, (target) => this.decode(target));
    if (isSeq(node)) return node.items.map((item) => this.decode(item));
    if (isMap(node)) {
      const entries = new Map<string, unknown>();
      this.#fill(entries, node);
      return Object.fromEntries(entries);
    }
    const scalar = this.#scalar(node as Node);
    if (scalar.kind === "float" && !Number.isFinite(scalar.value))
      this.#fail(`json: unsupported value: ${{ Infinity: "+Inf", "-Infinity": "-Inf", NaN: "NaN" }[String(scalar.value)]}`, node as Node);
    return scalar.kind === "int" ? Number(scalar.value) : scalar.value;
  }

  /** The entries of a map, in their order: a merge overwrites what stands before it, and is overwritten by what follows. */
  #fill(entries: Map<string, unknown>, map: YAMLMap): void {
    for (const { key, value } of map.items) {
      if (isMergeKey(key)) this.#merge(entries, value as Node | null);
      else entries.set(this.#key(key as Node | null), this.decode(value));
    }
  }

  #key(node: Node | null): string {
    this.#count(node);
    const target = isAlias(node) ? this.#anchored.get(node)! : node;
    if (isMap(target) || isSeq(target)) return this.#fail(`invalid map key: ${JSON.stringify(this.decode(target))}`, node);
    const scalar = target === null ? resolvePlain("") : this.#scalar(target);
    return keyText(scalar) ?? this.#fail(`unsupported map key: ${scalar.value}`, node);
  }

  #merge(entries: Map<string, unknown>, node: Node | null): void {
    const target = isAlias(node) ? this.#anchored.get(node)! : node;
    if (isSeq(node)) {
      // Backwards: the earlier ones win.
      for (const item of node.items.toReversed() as Node[]) {
        if (!isMap(isAlias(item) ? this.#anchored.get(item) : item)) this.#fail(wantsMap, item);
        this.#merge(entries, item);
      }
    } else if (!isMap(target)) this.#fail(wantsMap, node);
    else {
      this.#count(node);
      if (!isAlias(node)) return this.#fill(entries, target);
      this.#follow(node, () => {
        this.#count(target);
        this.#fill(entries, target);
      });
    }
  }

  #follow<Value>(alias: Alias, then: (target: Node) => Value): Value {
    if (this.#open.has(alias)) this.#fail(`anchor '${alias.source}' value contains itself`, alias);
    this.#open.add(alias);
    this.#aliasDepth += 1;
    const value = then(this.#anchored.get(alias)!);
    this.#aliasDepth -= 1;
    this.#open.delete(alias);
    return value;
  }

  #count(node: Node | null): void {
    this.#steps += 1;
    if (this.#aliasDepth > 0) this.#aliasSteps += 1;
    const excessive = this.#aliasSteps > 100 && this.#steps > 1_000 && this.#aliasSteps / this.#steps > allowedAliasShare(this.#steps);
    if (excessive) this.#fail("document contains excessive aliasing", node);
  }

  #scalar(node: Node): ScalarValue {
    if (!isScalar(node)) return this.#fail("is neither a map, nor a list, nor a value", node);
    // Of a block that is the last of the text, the line end that is not there is no part.
    const isOpen = node.type?.startsWith("BLOCK_") && node.range !== undefined && node.range?.[1] === this.#openEnd;
    const text = isOpen ? (node.source ?? "").replace(/\n$/, "") : (node.source ?? "");
    if (node.tag !== undefined) {
      const value = resolveTagged(node.tag, text);
      return "error" in value ? this.#fail(value.error, node) : value;
    }
    return node.type === "PLAIN" || node.type === undefined ? resolvePlain(text) : { kind: "str", value: text };
  }
}

const wantsMap = "map merge requires map or sequence of maps as the value";

const isMergeKey = (key: unknown): boolean =>
  isScalar(key) && key.source === "<<" && (key.tag === undefined ? key.type === "PLAIN" : key.tag === "tag:yaml.org,2002:merge");
