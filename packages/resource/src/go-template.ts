import { functions, isTrue, textOf, type TemplateValue } from "./go-template-functions.ts";
import { parseGoTemplate, TemplateError, type Expression, type Node, type Pipeline } from "./go-template-parser.ts";

/**
 * Renders a template in the language of Go's text/template, as far as templates over named values use it: fields, literals, pipelines,
 * `if` and `with`, comments and trimming, comparison, logic, `len`, `index`, `slice` and printing. Everything else is an error that names it.
 * See https://pkg.go.dev/text/template.
 */
export function renderGoTemplate(template: string, values: Readonly<Record<string, TemplateValue>>): { text: string } | { error: string } {
  try {
    return { text: render(parseGoTemplate(template), values) };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message };
    throw error;
  }
}

function render(nodes: readonly Node[], dot: TemplateValue): string {
  return nodes.map((node) => renderNode(node, dot)).join("");
}

function renderNode(node: Node, dot: TemplateValue): string {
  switch (node.type) {
    case "text":
      return node.text;
    case "output":
      return textOf(evaluatePipeline(node.pipeline, dot));
    case "branch": {
      const value = evaluatePipeline(node.pipeline, dot);
      return isTrue(value) ? render(node.then, node.changesDot ? value : dot) : render(node.otherwise, dot);
    }
  }
}

/** The result of each command is the last argument of the next. */
function evaluatePipeline(pipeline: Pipeline, dot: TemplateValue): TemplateValue {
  const [first, ...others] = pipeline;
  return others.reduce((value, command) => call(command, dot, [value]), call(first!, dot, []));
}

function call(command: Expression[], dot: TemplateValue, piped: TemplateValue[]): TemplateValue {
  const [head, ...rest] = command as [Expression, ...Expression[]];
  if (head.type !== "name") {
    if (rest.length + piped.length > 0) throw new TemplateError("a value that is no function is given arguments");
    return evaluate(head, dot);
  }
  const known = functions[head.name];
  if (known === undefined) throw new TemplateError(`function ${JSON.stringify(head.name)} not defined`);
  return known([...rest.map((one) => evaluate(one, dot)), ...piped]);
}

function evaluate(expression: Expression, dot: TemplateValue): TemplateValue {
  switch (expression.type) {
    case "literal":
      return expression.value;
    case "pipeline":
      return evaluatePipeline(expression.pipeline, dot);
    case "name":
      return call([expression], dot, []);
    case "field":
      return expression.path.reduce((value: TemplateValue, name) => {
        if (value === undefined) return undefined;
        if (typeof value !== "object") throw new TemplateError(`can't evaluate field ${name} of ${JSON.stringify(value)}`);
        return Object.hasOwn(value, name) ? value[name] : undefined;
      }, dot);
  }
}
