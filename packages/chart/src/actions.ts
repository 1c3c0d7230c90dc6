/** A stretch of text, or what stands between `{{` and `}}`. */
export type Piece = { text: string } | { action: string; line: number };

/** Splits a template; the white space that `{{-` and `-}}` eat is gone, and so are comments. */
export function splitActions(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let eatsNext = false;
  for (;;) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (eatsNext) text = text.trimStart();
    if (open < 0) {
      pieces.push({ text });
      return pieces;
    }
    const eatsBefore = /^-\s/.test(source.slice(open + 2, open + 4));
    if (eatsBefore) text = text.trimEnd();
    pieces.push({ text });
    const end = endOfAction(source, open + 2);
    const raw = source.slice(open + (eatsBefore ? 3 : 2), end);
    eatsNext = /\s-$/.test(raw);
    const action = (eatsNext ? raw.slice(0, -1) : raw).trim();
    if (!action.startsWith("/*")) pieces.push({ action, line: source.slice(0, open).split("\n").length });
    at = end + 2;
  }
}

/** Where the `}}` is that is not within a string or a comment. */
function endOfAction(source: string, from: number): number {
  const token = /\/\*[^]*?\*\/|"(?:\\.|[^"\\])*"|`[^`]*`|\}\}/g;
  token.lastIndex = from;
  for (let found = token.exec(source); found; found = token.exec(source)) if (found[0] === "}}") return found.index;
  throw new Error(`an action is not closed: ${source.slice(from, from + 40)}`);
}

export type Token =
  | { kind: "string" | "number" | "word" | "variable" | "punctuation"; text: string }
  /** `.a.b`; `isJoined` to what stands before it, as in `(x).a`. */
  | { kind: "path"; text: string; isJoined: boolean };

const tokens = /\s+|("(?:\\.|[^"\\])*"|`[^`]*`)|(-?\d+(?:\.\d+)?)|(\$\w*)|((?:\.\w+)+|\.)|(\w+)|(:=|=|[()|,])/gy;

export function tokenize(action: string): Token[] {
  const found: Token[] = [];
  tokens.lastIndex = 0;
  let joined = false;
  while (tokens.lastIndex < action.length) {
    const from = tokens.lastIndex;
    const match = tokens.exec(action);
    if (!match) throw new Error(`not understood: ${action.slice(from)}`);
    const [text, string, number, variable, path, word, punctuation] = match;
    if (string) found.push({ kind: "string", text: string });
    else if (number) found.push({ kind: "number", text: number });
    else if (variable) found.push({ kind: "variable", text: variable });
    else if (path) found.push({ kind: "path", text: path, isJoined: joined });
    else if (word) found.push({ kind: "word", text: word });
    else if (punctuation) found.push({ kind: "punctuation", text: punctuation });
    joined = text === ")" || Boolean(variable);
  }
  return found;
}
