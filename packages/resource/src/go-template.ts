import { functions, isTrue, textOf, type TemplateFunction, type TemplateValue } from "./go-template-functions.ts";
import { parseGoTemplate, TemplateError, type Expression, type Node, type Pipeline } from "./go-template-parser.ts";

/**
 * Renders a template in the language of Go's text/template, as far as templates over named values use it: fields, literals, pipelines,
 * `if` and `with`, comments and trimming, comparison, logic, `len`, `index`, `slice` and printing. Everything else is an error that names it.
 * See https://pkg.go.dev/text/template.
 */
export function renderGoTemplate(
  template: string,
  values: Readonly<Record<string, TemplateValue>>,
  options: TemplateOptions = {},
): { text: string } | { error: string } {
  try {
    const scope = { functions: { ...functions, ...options.functions }, fieldsOf: options.fieldsOf };
    return { text: render(parseGoTemplate(template), values, scope) };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

export interface TemplateOptions {
  /** Beside Go's own. One that fails throws a `TemplateError`. */
  functions?: Readonly<Record<string, TemplateFunction>>;
  /** Name of the struct that the values are the fields of: a field that it has not is an error. Absent: they are a map. */
  fieldsOf?: string | undefined;
}

/** Why a template can't be parsed; undefined if it can. `known` are functions beside Go's own. */
export function validateGoTemplate(template: string, known: readonly string[]): string | undefined {
  try {
    const names = new Set([...Object.keys(functions), ...known]);
    for (const name of namesIn(parseGoTemplate(template))) if (!names.has(name)) return undefinedFunction(name);
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
}

interface Scope {
  functions: Readonly<Record<string, TemplateFunction>>;
  fieldsOf: string | undefined;
}

const undefinedFunction = (name: string): string => `function ${JSON.stringify(name)} not defined`;

function* namesIn(nodes: readonly Node[]): Generator<string> {
  for (const node of nodes) {
    if (node.type === "text") continue;
    yield* namesInPipeline(node.pipeline);
    if (node.type === "branch") yield* namesIn([...node.then, ...node.otherwise]);
  }
}

function* namesInPipeline(pipeline: Pipeline): Generator<string> {
  for (const expression of pipeline.flat()) {
    if (expression.type === "name") yield expression.name;
    if (expression.type === "pipeline") yield* namesInPipeline(expression.pipeline);
  }
}

function render(nodes: readonly Node[], dot: TemplateValue, scope: Scope): string {
  return nodes.map((node) => renderNode(node, dot, scope)).join("");
}

function renderNode(node: Node, dot: TemplateValue, scope: Scope): string {
  switch (node.type) {
    case "text":
      return node.text;
    case "output":
      return textOf(evaluatePipeline(node.pipeline, dot, scope));
    case "branch": {
      const value = evaluatePipeline(node.pipeline, dot, scope);
      return isTrue(value) ? render(node.then, node.changesDot ? value : dot, scope) : render(node.otherwise, dot, scope);
    }
  }
}

/** The result of each command is the last argument of the next. */
function evaluatePipeline(pipeline: Pipeline, dot: TemplateValue, scope: Scope): TemplateValue {
  const [first, ...others] = pipeline;
  return others.reduce((value, command) => call(command, dot, [value], scope), call(first!, dot, [], scope));
}

function call(command: Expression[], dot: TemplateValue, piped: TemplateValue[], scope: Scope): TemplateValue {
  const [head, ...rest] = command as [Expression, ...Expression[]];
  if (head.type !== "name") {
    if (rest.length + piped.length > 0) throw new TemplateError("a value that is no function is given arguments");
    return evaluate(head, dot, scope);
  }
  const known = scope.functions[head.name];
  if (known === undefined) throw new TemplateError(undefinedFunction(head.name));
  return known([...rest.map((one) => evaluate(one, dot, scope)), ...piped]);
}

function evaluate(expression: Expression, dot: TemplateValue, scope: Scope): TemplateValue {
  switch (expression.type) {
    case "literal":
      return expression.value;
    case "pipeline":
      return evaluatePipeline(expression.pipeline, dot, scope);
    case "name":
      return call([expression], dot, [], scope);
    case "field":
      return expression.path.reduce((value: TemplateValue, name) => {
        if (value === undefined) return undefined;
        if (typeof value !== "object") throw new TemplateError(`can't evaluate field ${name} of ${JSON.stringify(value)}`);
        if (Object.hasOwn(value, name)) return value[name];
        if (scope.fieldsOf !== undefined) throw new TemplateError(`can't evaluate field ${name} in type ${scope.fieldsOf}`);
        return undefined;
      }, dot);
  }
}
