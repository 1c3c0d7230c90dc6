export { renderChart, type Chart, type ChartCertificate, type ChartSurroundings, type Release } from "./render-chart.ts";
export { setValues } from "./set-values.ts";
export { TemplateError } from "./syntax.ts";
export { mergeValues, type Values } from "./values.ts";
