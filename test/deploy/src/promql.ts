import { parser } from "@prometheus-io/lezer-promql";

/** Names of the metrics that an expression of PromQL reads. Throws if it is none. */
export function metricsIn(expression: string): string[] {
  // Grafana fills its variables in before Prometheus sees the expression.
  const text = expression.replaceAll("$__rate_interval", "5m");
  const names: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`${expression}: not PromQL at ${JSON.stringify(text.slice(from, from + 20))}`);
      if (type.name === "VectorSelector") {
        const [name] = /^[a-zA-Z_:][\w:]*/.exec(text.slice(from, to)) ?? [];
        if (name === undefined) throw new Error(`${expression}: a selector without a metric`);
        names.push(name);
      }
    },
  });
  return names;
}
