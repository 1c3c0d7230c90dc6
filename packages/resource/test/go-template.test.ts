import { describe, expect, test } from "vitest";
import { renderGoTemplate } from "../src/index.ts";

const values = { service: "orders", version: "v1", logging: "1" };

// What Go's text/template makes of the same, with a map[string]string.
describe("templates as Go renders them", () => {
  test.each([
    ["{{.service}}.mesh", "orders.mesh"],
    ["{{ .service }}.{{ .version }}.mesh", "orders.v1.mesh"],
    ["{{.missing}}", "<no value>"],
    ["x{{- .service -}}  y", "xordersy"],
    [" a {{- /* note */ -}} b ", " ab "],
    ["{{/* note */}}z", "z"],
    ["{{if .version}}{{.version}}.{{end}}{{.service}}", "v1.orders"],
    ['{{if .missing}}a{{else if eq .version "v1"}}one{{else}}other{{end}}', "one"],
    ["{{with .version}}{{.}}-w{{else}}none{{end}}", "v1-w"],
    ['{{ .service | printf "%s-%s" .version }}', "v1-orders"],
    ['{{printf "%q %v %d %% %s" .service .version 3}}', '"orders" v1 3 % %!s(MISSING)'],
    ['{{printf "%d" .version}}', "%!d(string=v1)"],
    ["{{len .service}}", "6"],
    ["{{slice .service 0 3}}", "ord"],
    ["{{slice .service 2}}", "ders"],
    ['{{index . "service"}}', "orders"],
    ['{{index . "nope"}}|', "|"],
    [
      '{{eq .version "v1" "v2"}} {{ne .version "v1"}} {{lt .version "v2"}} {{and .service .version}} {{or .missing .service}} {{not .missing}}',
      "true false true v1 orders true",
    ],
    ["{{print .service 1 2 .version}}", "orders1 2v1"],
    ["{{println .service .version}}", "orders v1\n"],
    ['{{(print .service "-" .version)}}.mesh', "orders-v1.mesh"],
    ['{{`raw`}}.{{"quo\\"ted"}}', 'raw.quo"ted'],
    ["{{.}}", "map[logging:1 service:orders version:v1]"],
    ["{{ true }}{{ 42 }}", "true42"],
    ["a}}b", "a}}b"],
    ['{{if and .service (eq .version "v2")}}yes{{end}}', ""],
    ["{{- if .logging}}\n log{{end}}\n}", "\n log\n}"],
    ['{{printf "%s" .missing}}', "%!s(<nil>)"],
    ['{{"}}"}}', "}}"],
    ["{{.service}}{{- 3}}", "orders3"],
    ["{{ .service|len }}", "6"],
    ["{{- .service}}", "orders"],
    ['{{eq .missing ""}}', "false"],
  ])("%j", (template, text) => {
    expect(renderGoTemplate(template, values)).toEqual({ text });
  });
});

describe("what Go refuses, and what is not supported", () => {
  test.each([
    "{{.service",
    "{{nosuch .service}}",
    "{{if .service}}x",
    "{{end}}",
    "{{.service.more}}",
    "{{.service .version}}",
    "{{eq .version 1}}",
    "{{}}",
    "{{slice .service 9}}",
    "{{range .service}}x{{end}}",
    "{{ge .n 3}}{{.n}}",
    "{{$x := .service}}{{$x}}",
    '{{template "other"}}',
  ])("%j", (template) => {
    expect(renderGoTemplate(template, values)).toHaveProperty("error");
  });
});
