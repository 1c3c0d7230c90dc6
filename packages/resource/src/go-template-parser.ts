/** A template that does not parse, or cannot be evaluated. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

export type Expression =
  | { type: "literal"; value: string | number | boolean }
  | { type: "field"; path: string[] }
  | { type: "name"; name: string }
  | { type: "pipeline"; pipeline: Pipeline };

/** Commands, each a value or a function with its arguments. */
export type Pipeline = Expression[][];

export type Node =
  | { type: "text"; text: string }
  | { type: "output"; pipeline: Pipeline }
  | { type: "branch"; pipeline: Pipeline; changesDot: boolean; then: Node[]; otherwise: Node[] };

type Piece = { text: string } | { action: string };

const string = String.raw`"(?:[^"\\\n]|\\.)*"|\x60[^\x60]*\x60`;
const action = new RegExp(String.raw`\{\{(-\s)?((?:${string}|(?!\}\})[\s\S])*?)(\s-)?\}\}`, "g");
const token = new RegExp(String.raw`\s*(${string}|-?\d+|[()|]|\.[\w.]*|[A-Za-z_]\w*)`, "y");

export function parseGoTemplate(template: string): Node[] {
  const pieces = split(template);
  const { nodes, end } = parseNodes(pieces, 0);
  if (end !== undefined) throw new TemplateError(`unexpected {{${end.action}}}`);
  return nodes;
}

/** Text and actions; text beside a trimming mark loses its white space. */
function split(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  const text = (part: string, trimEnd: boolean): void => {
    if (part.includes("{{")) throw new TemplateError("unclosed action");
    let kept = trimNext ? part.trimStart() : part;
    if (trimEnd) kept = kept.trimEnd();
    if (kept !== "") pieces.push({ text: kept });
  };
  for (const match of template.matchAll(action)) {
    const [whole, trimBefore, content = "", trimAfter] = match;
    text(template.slice(at, match.index), trimBefore !== undefined);
    trimNext = trimAfter !== undefined;
    if (!/^\s*\/\*[\s\S]*\*\/\s*$/.test(content)) pieces.push({ action: content.trim() });
    at = match.index + whole.length;
  }
  text(template.slice(at), false);
  return pieces;
}

interface Parsed {
  nodes: Node[];
  /** Index after what was read. */
  next: number;
  /** The `else` or `end` that closed it. */
  end: { action: string } | undefined;
}

function parseNodes(pieces: readonly Piece[], from: number): Parsed {
  const nodes: Node[] = [];
  let at = from;
  while (at < pieces.length) {
    const piece = pieces[at++]!;
    if ("text" in piece) {
      nodes.push({ type: "text", text: piece.text });
      continue;
    }
    const [, word = "", rest = ""] = /^(\w*)\s*([\s\S]*)$/.exec(piece.action) ?? [];
    if (word === "end" || word === "else") return { nodes, next: at, end: piece };
    if (word === "if" || word === "with") {
      if (rest === "") throw new TemplateError(`missing value for ${word}`);
      const branch = parseBranch(pieces, at, rest, word === "with");
      nodes.push(branch.node);
      at = branch.next;
    } else {
      nodes.push({ type: "output", pipeline: parsePipeline(piece.action) });
    }
  }
  return { nodes, next: at, end: undefined };
}

function parseBranch(pieces: readonly Piece[], from: number, condition: string, changesDot: boolean): { node: Node; next: number } {
  const pipeline = parsePipeline(condition);
  const then = parseNodes(pieces, from);
  const made = (otherwise: Node[], next: number) => ({
    node: { type: "branch" as const, pipeline, changesDot, then: then.nodes, otherwise },
    next,
  });
  if (then.end === undefined) throw new TemplateError("unexpected end of template: {{end}} is missing");
  if (then.end.action === "end") return made([], then.next);
  const [, word, rest = ""] = /^else\s*(if|with)?\s*([\s\S]*)$/.exec(then.end.action) ?? [];
  if (word !== undefined) {
    const nested = parseBranch(pieces, then.next, rest, word === "with");
    return made([nested.node], nested.next);
  }
  const otherwise = parseNodes(pieces, then.next);
  if (otherwise.end?.action !== "end") throw new TemplateError("unexpected end of template: {{end}} is missing");
  return made(otherwise.nodes, otherwise.next);
}

function parsePipeline(source: string): Pipeline {
  const tokens = tokenize(source);
  const pipeline = readPipeline(tokens);
  if (tokens.length > 0) throw new TemplateError(`unexpected ${JSON.stringify(tokens[0])} in {{${source}}}`);
  return pipeline;
}

function tokenize(source: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let at = 0; source.slice(at).trim() !== ""; at = token.lastIndex) {
    token.lastIndex = at;
    const match = token.exec(source);
    if (match === null) throw new TemplateError(`unsupported expression ${JSON.stringify(source.slice(at).trim())}`);
    tokens.push(match[1]!);
  }
  return tokens;
}

/** Takes what it reads off the front of `tokens`. */
function readPipeline(tokens: string[]): Pipeline {
  const pipeline: Pipeline = [];
  for (;;) {
    const command: Expression[] = [];
    while (tokens.length > 0 && tokens[0] !== "|" && tokens[0] !== ")") command.push(readExpression(tokens));
    if (command.length === 0) throw new TemplateError("missing value for command");
    pipeline.push(command);
    if (tokens[0] !== "|") return pipeline;
    tokens.shift();
  }
}

function readExpression(tokens: string[]): Expression {
  const next = tokens.shift()!;
  if (next === "(") {
    const pipeline = readPipeline(tokens);
    if (tokens.shift() !== ")") throw new TemplateError("unclosed left paren");
    return { type: "pipeline", pipeline };
  }
  if (next.startsWith(".")) return { type: "field", path: next.split(".").filter((part) => part !== "") };
  if (next.startsWith('"')) return { type: "literal", value: unquote(next) };
  if (next.startsWith("`")) return { type: "literal", value: next.slice(1, -1) };
  if (/^-?\d/.test(next)) return { type: "literal", value: Number(next) };
  if (next === "true" || next === "false") return { type: "literal", value: next === "true" };
  return { type: "name", name: next };
}

function unquote(literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new TemplateError(`unsupported literal ${literal}`);
  }
}
