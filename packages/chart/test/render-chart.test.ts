import { expect, test } from "vitest";
import { type Chart, renderChart, setValues, TemplateError } from "../src/index.ts";

const around = {
  kubeVersion: "v1.33.0",
  apiVersions: ["apps/v1/Deployment"],
  lookup: (_version: string, kind: string) => (kind === "Secret" ? { data: { a: "b" } } : undefined),
  genCA: () => ({ Cert: "ca", Key: "" }),
  genSignedCert: () => ({ Cert: "leaf", Key: "" }),
};
function render(template: string, values: Chart["values"] = {}, more: Record<string, string> = {}): string {
  const chart: Chart = {
    metadata: { name: "c", version: "1", appVersion: "2" },
    values: {},
    templates: { "templates/a.yaml": template, ...more },
  };
  return renderChart(chart, values, { name: "r", namespace: "n" }, around)["templates/a.yaml"]!;
}

// What Helm 4.2 prints for the same templates.
test.each([
  ["a {{- 1 -}} b", {}, "a1b"],
  ["{{ if .Values.a }}yes{{ else if .Values.b }}maybe{{ else }}no{{ end }}", { b: 1 }, "maybe"],
  ["{{ range $i, $x := .Values.l }}{{ $i }}={{ $x }};{{ end }}", { l: ["a", "b"] }, "0=a;1=b;"],
  ["{{ range $k, $v := .Values.m }}{{ $k }}={{ $v }};{{ else }}none{{ end }}", { m: { z: 1, a: 2 } }, "a=2;z=1;"],
  ["{{ range .Values.l }}x{{ else }}none{{ end }}", { l: [] }, "none"],
  ["{{ with .Values.m }}{{ .a }}{{ $.Release.Name }}{{ end }}", { m: { a: 1 } }, "1r"],
  ["{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", {}, "2"],
  ['{{ .Values.a | default "x" | quote }} {{ .Values.none }}|', {}, '"x" |'],
  ['{{ printf "%s-%d-%q" "a" 3 "b" | upper }}', {}, 'A-3-"B"'],
  ["{{ toYaml .Values.m | nindent 2 }}", { m: { b: [1, "2"], a: null } }, '\n  a: null\n  b:\n    - 1\n    - "2"'],
  ['{{ (dict "a" (list 1 2)).a | len }}{{ has 2 (list 1 2) }}', {}, "2true"],
  ['{{ index .Values.m "a.b" }}{{ dig "x" "y" "z" .Values.m }}', { m: { "a.b": 1, x: {} } }, "1z"],
  ['{{/* a }} comment */}}{{ "}}" }}', {}, "}}"],
  ['{{ tpl "{{ .Release.Namespace }}" . }}{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }}', {}, "ntrue"],
  ['{{ (lookup "v1" "Secret" "n" "s").data.a }}{{ (genCA "x" 1).Cert }}', {}, "bca"],
  ["{{ and .Values.a .Values.a.b }}{{ or .Values.a 1 }}", {}, "1"],
  [
    '{{ mergeOverwrite (dict "a" 1 "b" 2) (dict "a" 3) | toJson }}{{ merge (dict "a" 1) (dict "a" 3 "c" 4) | toJson }}',
    {},
    '{"a":3,"b":2}{"a":1,"c":4}',
  ],
] as const)("%s", (template, values, text) => {
  expect(render(template, values)).toBe(text);
});

test("a named template is included with the dot it is given, from whatever file", () => {
  const helpers = { "templates/_h.tpl": '{{ define "h" }}{{ .a }}{{ end }}' };
  expect(render('{{ include "h" (dict "a" 1) }}', {}, helpers)).toBe("1");
});

test.each([
  ["{{ .Values.a.b }}", "nil pointer evaluating interface {}.b"],
  ['{{ fail "why" }}', "c/templates/a.yaml: why"],
  ['{{ required "name it" .Values.a }}', "name it"],
  ["a\n{{ nothing 1 }}", 'function "nothing" not defined'],
  ["a\n{{ (1 }}", "c/templates/a.yaml:2: a bracket is not closed"],
  ["{{ $x }}", "undefined variable $x"],
  ['{{ include "none" . }}', 'no template "none"'],
])("%s fails", (template, reason) => {
  expect(() => render(template)).toThrow(TemplateError);
  expect(() => render(template)).toThrow(reason);
});

test("--set means what Helm takes it for", () => {
  expect(setValues({ a: { b: 1, c: 2 } }, "a.b=3,d[1]=x,e={p,q},f\\.g=true,h=null,i=007,j=a\\,b")).toEqual({
    a: { b: 3, c: 2 },
    d: [undefined, "x"],
    e: ["p", "q"],
    "f.g": true,
    h: null,
    i: "007",
    j: "a,b",
  });
  expect(() => setValues({}, "a")).toThrow('"a" has to be name=value');
});
