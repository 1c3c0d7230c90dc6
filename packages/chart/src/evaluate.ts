import { isTrue, shown } from "./values.ts";
import { TemplateError, type Node, type Operand, type Pipe } from "./syntax.ts";

export type TemplateFunction = (...args: never[]) => unknown;

/** What all templates of one rendering share. */
export interface TemplateContext {
  functions: Readonly<Record<string, TemplateFunction>>;
  defined: ReadonlyMap<string, readonly Node[]>;
}

/** Variables by name; a block sees those of the blocks around it. */
class Scope {
  readonly #values = new Map<string, unknown>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#outer) this.#outer.assign(name, value);
    else throw new TemplateError(`undefined variable $${name}`);
  }

  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    if (!this.#outer) throw new TemplateError(`undefined variable $${name}`);
    return this.#outer.get(name);
  }
}

/** Executes nodes with a dot; answers the text. */
export function execute(context: TemplateContext, nodes: readonly Node[], dot: unknown): string {
  const scope = new Scope();
  scope.declare("", dot);
  return new Execution(context).block(nodes, dot, scope);
}

class Execution {
  readonly #context: TemplateContext;

  constructor(context: TemplateContext) {
    this.#context = context;
  }

  block(nodes: readonly Node[], dot: unknown, scope: Scope): string {
    return nodes.map((node) => this.#node(node, dot, scope)).join("");
  }

  #node(node: Node, dot: unknown, scope: Scope): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "output":
        return shown(this.#pipe(node.pipe, dot, scope));
      case "assign": {
        const value = this.#pipe(node.pipe, dot, scope);
        if (node.isNew) scope.declare(node.name, value);
        else scope.assign(node.name, value);
        return "";
      }
      case "if":
      case "with": {
        for (const { pipe, body } of node.branches) {
          const value = this.#pipe(pipe, dot, scope);
          if (isTrue(value)) return this.block(body, node.kind === "with" ? value : dot, new Scope(scope));
        }
        return this.block(node.otherwise, dot, new Scope(scope));
      }
      case "range": {
        const entries = entriesOf(this.#pipe(node.pipe, dot, scope));
        if (entries.length === 0) return this.block(node.otherwise, dot, new Scope(scope));
        return entries
          .map(([key, value]) => {
            const inner = new Scope(scope);
            if (node.key) inner.declare(node.key, key);
            if (node.value) inner.declare(node.value, value);
            return this.block(node.body, value, inner);
          })
          .join("");
      }
    }
  }

  #pipe(pipe: Pipe, dot: unknown, scope: Scope): unknown {
    let piped: [unknown] | undefined;
    for (const command of pipe) piped = [this.#command(command, dot, scope, piped)];
    return piped![0];
  }

  #command([head, ...rest]: Operand[], dot: unknown, scope: Scope, piped: [unknown] | undefined): unknown {
    const operand = (one: Operand) => this.#operand(one, dot, scope);
    if (head!.kind === "function") {
      // These two look no further than they must.
      if (head!.name === "and" || head!.name === "or") {
        let value: unknown;
        for (const one of rest) {
          value = operand(one);
          if (isTrue(value) === (head!.name === "or")) return value;
        }
        return piped ? piped[0] : value;
      }
      return this.#call(head!.name, [...rest.map(operand), ...(piped ?? [])]);
    }
    const value = operand(head!);
    if (typeof value === "function") return (value as (...args: unknown[]) => unknown)(...rest.map(operand), ...(piped ?? []));
    if (rest.length > 0 || piped) throw new TemplateError("a value cannot take arguments");
    return value;
  }

  #call(name: string, args: unknown[]): unknown {
    const wanted = this.#context.functions[name];
    if (!wanted) throw new TemplateError(`function "${name}" not defined`);
    return (wanted as (...args: unknown[]) => unknown)(...args);
  }

  #operand(operand: Operand, dot: unknown, scope: Scope): unknown {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "function":
        return this.#call(operand.name, []);
      case "path":
        return follow(operand.variable === undefined ? dot : scope.get(operand.variable), operand.path);
      case "group":
        return follow(this.#pipe(operand.pipe, dot, scope), operand.path);
    }
  }
}

function follow(start: unknown, path: readonly string[]): unknown {
  let value = start;
  for (const name of path) {
    if (value === undefined || value === null) throw new TemplateError(`nil pointer evaluating interface {}.${name} (${path.join(".")})`);
    if (typeof value !== "object") throw new TemplateError(`can't evaluate field ${name} in type ${typeof value} (${path.join(".")})`);
    value = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((one, index) => [index, one]);
  if (typeof value === "object") return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (typeof value === "number") return Array.from({ length: value }, (_, index) => [index, index]);
  throw new TemplateError(`range can't iterate over ${shown(value)}`);
}
