import { splitActions, tokenize, type Token } from "./actions.ts";
import { TemplateError, type Node, type Operand, type Pipe, type Template } from "./syntax.ts";

/** Reads one template. Throws `TemplateError` with its name and line. */
export function parseTemplate(name: string, source: string): Template {
  const reader = new BlockReader(name, source);
  const body = reader.block().body;
  if (reader.ended) throw new TemplateError(`${name}:${reader.line}: unexpected {{ ${reader.ended} }}`);
  return { body, defined: reader.defined };
}

class BlockReader {
  readonly defined = new Map<string, Node[]>();
  /** What closed the last block: `end`, `else`, `else if …`; empty at the end of the file. */
  ended = "";
  line = 1;
  readonly #pieces;
  readonly #name: string;
  #at = 0;

  constructor(name: string, source: string) {
    this.#name = name;
    this.#pieces = splitActions(source);
  }

  block(): { body: Node[] } {
    const body: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++]!;
      if ("text" in piece) {
        if (piece.text) body.push({ kind: "text", text: piece.text });
        continue;
      }
      this.line = piece.line;
      if (/^(end|else)\b/.test(piece.action)) {
        this.ended = piece.action;
        return { body };
      }
      try {
        const node = this.#action(piece.action);
        if (node) body.push(node);
      } catch (error) {
        if (error instanceof TemplateError) throw error;
        throw new TemplateError(`${this.#name}:${piece.line}: ${(error as Error).message}`);
      }
    }
    this.ended = "";
    return { body };
  }

  #action(action: string): Node | undefined {
    const [, keyword, rest] = /^(define|if|with|range)\b\s*([^]*)$/.exec(action) ?? [];
    if (keyword === "define") {
      const { body } = this.block();
      this.defined.set(JSON.parse(rest!) as string, body);
      return undefined;
    }
    if (keyword === "if" || keyword === "with") return this.#conditional(keyword, rest!);
    if (keyword === "range") return this.#range(rest!);
    return simpleAction(action);
  }

  #conditional(kind: "if" | "with", condition: string): Node {
    const branches = [{ pipe: parsePipe(condition), ...this.block() }];
    let otherwise: Node[] = [];
    while (this.ended.startsWith("else")) {
      const next = /^else\s+(?:if|with)\s+([^]*)$/.exec(this.ended);
      if (next) branches.push({ pipe: parsePipe(next[1]!), ...this.block() });
      else otherwise = this.block().body;
    }
    return { kind, branches, otherwise };
  }

  #range(header: string): Node {
    const [, first, second, rest] = /^\$(\w+)(?:\s*,\s*\$(\w+))?\s*:=\s*([^]*)$/.exec(header) ?? [];
    const pipe = parsePipe(rest ?? header);
    const { body } = this.block();
    const otherwise = this.ended === "else" ? this.block().body : [];
    return { kind: "range", ...(second ? { key: first, value: second } : { value: first }), pipe, body, otherwise };
  }
}

function simpleAction(action: string): Node {
  const [, name, sign, rest] = /^\$(\w+)\s*(:=|=)\s*([^]*)$/.exec(action) ?? [];
  if (name !== undefined) return { kind: "assign", name, isNew: sign === ":=", pipe: parsePipe(rest!) };
  return { kind: "output", pipe: parsePipe(action) };
}

function parsePipe(text: string): Pipe {
  const tokens = tokenize(text);
  const pipe = readPipe(tokens);
  if (tokens.length > 0) throw new Error(`unexpected ${tokens[0]!.text}`);
  return pipe;
}

/** Takes tokens from the front, up to a closing bracket. */
function readPipe(tokens: Token[]): Pipe {
  const pipe: Pipe = [[]];
  while (tokens.length > 0 && tokens[0]!.text !== ")") {
    if (tokens[0]!.text === "|") {
      tokens.shift();
      pipe.push([]);
    } else {
      pipe.at(-1)!.push(readOperand(tokens));
    }
  }
  if (pipe.some((command) => command.length === 0)) throw new Error("a command is missing");
  return pipe;
}

function readOperand(tokens: Token[]): Operand {
  const token = tokens.shift()!;
  const joinedPath = () => {
    const next = tokens[0];
    return next?.kind === "path" && next.isJoined ? namesOf(tokens.shift()!.text) : [];
  };
  switch (token.kind) {
    case "string":
      return { kind: "literal", value: token.text.startsWith("`") ? token.text.slice(1, -1) : (JSON.parse(token.text) as string) };
    case "number":
      return { kind: "literal", value: Number(token.text) };
    case "variable":
      return { kind: "path", variable: token.text.slice(1), path: joinedPath() };
    case "path":
      return { kind: "path", path: namesOf(token.text) };
    case "word":
      if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true" };
      if (token.text === "nil") return { kind: "literal", value: undefined };
      return { kind: "function", name: token.text };
    default: {
      if (token.text !== "(") throw new Error(`unexpected ${token.text}`);
      const pipe = readPipe(tokens);
      if (tokens.shift()?.text !== ")") throw new Error("a bracket is not closed");
      return { kind: "group", pipe, path: joinedPath() };
    }
  }
}

const namesOf = (path: string): string[] => path.split(".").filter(Boolean);
