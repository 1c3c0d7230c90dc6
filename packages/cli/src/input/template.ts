import { InputError } from "./input-error.ts";

/** A value, or those whose names go on after a dot. */
type Values = Map<string, string | Values>;

type Part =
  | { kind: "text"; text: string }
  | { kind: "value"; name: string; tag: Tag; raw: boolean }
  | { kind: "section"; name: string; inverted: boolean; parts: Part[] };

interface Tag {
  /** With its braces. */
  text: string;
  line: number;
}

/**
 * Fills a template: the dialect of mustache that Kuma has. `{{ name }}` is the value with `& < > " '` as HTML writes them, `{{{name}}}` as
 * it is, `{{#name}}...{{/name}}` stays if there is such a value, `{{^name}}...{{/name}}` if there is none, `{{! }}` is a comment. A name
 * without a value is left empty; names may go down by dots. What mustache has besides, and what Kuma leaves empty whatever the value, is
 * refused. @throws InputError with the line
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const root: Values = new Map();
  for (const [name, value] of Object.entries(values)) put(root, name, value, name);
  return render(parse(template), [root]);
}

function put(values: Values, rest: string, value: string, name: string): void {
  const [first, ...more] = rest.split(".") as [string, ...string[]];
  const current = values.get(first);
  if (more.length === 0) {
    if (typeof current === "object") throw new InputError(`the variable ${name} is the beginning of another one's name`);
    values.set(first, value);
  } else {
    if (typeof current === "string") throw new InputError(`the variable ${name} goes on from the name of another one, ${first}`);
    const below = current ?? new Map();
    values.set(first, below);
    put(below, more.join("."), value, name);
  }
}

const fault = ({ text, line }: Tag, reason: string) => new InputError(`the template, line ${line}: ${text}: ${reason}`);

function parse(template: string): Part[] {
  const root: Part[] = [];
  const open: { parts: Part[]; name: string; tag: Tag }[] = [];
  let [at, line] = [0, 1];
  for (let start = template.indexOf("{{"); start >= 0; start = template.indexOf("{{", at)) {
    const parts = open.at(-1)?.parts ?? root;
    const skipped = template.slice(at, start);
    parts.push({ kind: "text", text: skipped });
    line += skipped.split("\n").length - 1;
    const closing = template[start + 2] === "{" ? "}}}" : "}}";
    const end = template.indexOf(closing, start + 2);
    if (end < 0) throw fault({ text: template.slice(start).split("\n", 1)[0]!, line }, `has no ${closing}`);
    at = end + closing.length;
    const tag = { text: template.slice(start, at), line };
    const content = template.slice(start + 2, at - 2).trim();
    line += tag.text.split("\n").length - 1;
    const name = content.slice(1).trim();
    if (content.startsWith("#") || content.startsWith("^")) {
      const section: Part = { kind: "section", name, inverted: content.startsWith("^"), parts: [] };
      parts.push(section);
      open.push({ parts: section.parts, name, tag });
      const [lineEnd] = /^\r?\n|^/.exec(template.slice(at))!;
      at += lineEnd.length;
      line += lineEnd === "" ? 0 : 1;
    } else if (content.startsWith("/")) {
      if (open.pop()?.name !== name) throw fault(tag, "closes no section that is open here");
    } else if (!content.startsWith("!")) parts.push(valueOf(content, tag));
  }
  const unclosed = open.pop();
  if (unclosed !== undefined) throw fault(unclosed.tag, `is never closed by {{/${unclosed.name}}}`);
  root.push({ kind: "text", text: template.slice(at) });
  return root;
}

function valueOf(content: string, tag: Tag): Part {
  if (content === "") throw fault(tag, "names no variable");
  if (content.startsWith(">")) throw fault(tag, "other files are not brought in");
  if (content.startsWith("=")) throw fault(tag, "the braces cannot be changed");
  if (content.startsWith("&")) throw fault(tag, `write {{{${content.slice(1).trim()}}}}, without spaces, for a value as it is`);
  const raw = content.startsWith("{") && content.endsWith("}");
  const name = raw ? content.slice(1, -1) : content;
  if (raw && name !== name.trim()) throw fault(tag, `write {{{${name.trim()}}}}, without spaces: Kuma leaves this empty`);
  return { kind: "value", name, tag, raw };
}

function render(parts: readonly Part[], scopes: readonly Values[]): string {
  return parts
    .map((part) => {
      if (part.kind === "text") return part.text;
      const value = lookUp(part.name, scopes);
      if (part.kind === "value") {
        if (typeof value === "object" || part.name === ".") throw fault(part.tag, "stands for several values: name one of them");
        return part.raw ? (value ?? "") : escape(value ?? "");
      }
      if ((value === undefined) !== part.inverted) return "";
      return render(part.parts, typeof value === "object" ? [value, ...scopes] : scopes);
    })
    .join("");
}

/** The innermost section's values come first. */
function lookUp(name: string, scopes: readonly Values[]): string | Values | undefined {
  const [first, ...rest] = name.split(".") as [string, ...string[]];
  const found = scopes.find((scope) => scope.has(first))?.get(first);
  if (rest.length === 0 || name === ".") return found;
  return typeof found === "object" ? lookUp(rest.join("."), [found]) : undefined;
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd" };

const escape = (text: string): string => text.replaceAll(/[&<>"'\0]/g, (character) => escapes[character]!);
