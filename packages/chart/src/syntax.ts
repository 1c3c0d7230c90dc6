/** What a template of a chart is made of. The language is Go's text/template, as far as Helm charts use it. */
export type Node =
  | { kind: "text"; text: string }
  | { kind: "output"; pipe: Pipe }
  | { kind: "assign"; name: string; isNew: boolean; pipe: Pipe }
  | { kind: "if"; branches: Branch[]; otherwise: Node[] }
  | { kind: "with"; branches: Branch[]; otherwise: Node[] }
  | { kind: "range"; key?: string; value?: string; pipe: Pipe; body: Node[]; otherwise: Node[] };

export interface Branch {
  pipe: Pipe;
  body: Node[];
}

/** Each command gets the value of the one before as its last argument. */
export type Pipe = Operand[][];

export type Operand =
  | { kind: "literal"; value: unknown }
  | { kind: "function"; name: string }
  /** `.a.b` of the dot (no variable), of `$`, or of `$name`. */
  | { kind: "path"; variable?: string; path: string[] }
  | { kind: "group"; pipe: Pipe; path: string[] };

export interface Template {
  body: Node[];
  /** `define`d ones by their name. */
  defined: Map<string, Node[]>;
}

export class TemplateError extends Error {}
