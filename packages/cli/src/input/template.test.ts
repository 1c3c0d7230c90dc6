import { expect, test } from "vitest";
import { fillTemplate } from "./template.ts";

const values = { a: "1", "n.x": "2", "n.y": "3", q: `<a> & "b" 'c'`, empty: "" };

// What kumactl 2.10.11 and kuma-dp make of each with these values.
test.each([
  ["{{a}} {{ a }} {{\na}}", "1 1 1"],
  ["{{{a}}}", "1"],
  ["{{ {a} }}", "1"],
  ["{{q}}", "&lt;a&gt; &amp; &#34;b&#34; &#39;c&#39;"],
  ["{{{q}}}", `<a> & "b" 'c'`],
  ["{{n.x}} {{{n.x}}}", "2 2"],
  ["{{missing}}{{n.z}}{{a.b}}{{m.y}}{{a b}}|", "|"],
  ["x{{#a}}yes{{/a}}y", "xyesy"],
  ["{{# a }}x{{/ a }}", "x"],
  ["{{#missing}}no{{/missing}}{{^missing}}none{{/missing}}", "none"],
  ["{{^a}}none{{/a}}", ""],
  ["{{#n}}{{x}}{{a}}{{/n}}", "21"],
  ["{{#a}}{{#n}}{{x}}{{/n}}{{/a}}", "2"],
  ["{{#empty}}there{{/empty}}{{^empty}}not{{/empty}}", "there"],
  ["{{! nothing }}x", "x"],
  ["{{#a}}\nline\n{{/a}}\nrest", "line\n\nrest"],
  ["{{a}}} { {a}}", "1} { {a}}"],
])("%j", (template, filled) => {
  expect(fillTemplate(template, values)).toBe(filled);
});

// Left empty there, brought in from a file, printed as a Go map, or taken for the text itself.
test.each([
  ["a\n{{{ a }}}", "the template, line 2: {{{ a }}}: write {{{a}}}, without spaces: Kuma leaves this empty"],
  ["{{& a}}", "line 1: {{& a}}: write {{{a}}}"],
  ["{{> part}}", "line 1: {{> part}}: other files are not brought in"],
  ["{{=<% %>=}}", "line 1: {{=<% %>=}}: the braces cannot be changed"],
  ["{{n}}", "line 1: {{n}}: stands for several values"],
  ["{{.}}", "line 1: {{.}}: stands for several values"],
  ["{{ }}", "line 1: {{ }}: names no variable"],
  ["x\n{{#a}}\n\n{{a", "line 4: {{a: has no }}"],
  ["x\n\n{{#a}}", "line 3: {{#a}}: is never closed by {{/a}}"],
  ["{{/a}}", "line 1: {{/a}}: closes no section that is open here"],
  ["{{#a}}{{/b}}", "line 1: {{/b}}: closes no section that is open here"],
])("%j is refused", (template, message) => {
  expect(() => fillTemplate(template, values)).toThrow(message);
});

test("a name cannot be a value and have others below it", () => {
  expect(() => fillTemplate("", { a: "1", "a.b": "2" })).toThrow("the variable a.b goes on from the name of another one, a");
  expect(() => fillTemplate("", { "a.b": "2", a: "1" })).toThrow("the variable a is the beginning of another one's name");
});
