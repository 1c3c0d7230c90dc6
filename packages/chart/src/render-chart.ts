import { execute, type TemplateContext, type TemplateFunction } from "./evaluate.ts";
import { functions } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import { TemplateError, type Node } from "./syntax.ts";
import { mergeValues, type Values } from "./values.ts";

/** The files of a chart's folder by their path, read. */
export interface Chart {
  metadata: { name: string; version: string; appVersion: string };
  values: Values;
  /** Text by the path, `templates/x.yaml`. */
  templates: Readonly<Record<string, string>>;
  /** Whatever else templates may read, by its path. */
  files?: Readonly<Record<string, string>>;
}

export interface Release {
  name: string;
  namespace: string;
  /** An upgrade of what is there. */
  isUpgrade?: boolean;
}

export interface ChartCertificate {
  Cert: string;
  Key: string;
}

/** What a rendering needs of the world. */
export interface ChartSurroundings {
  kubeVersion: string;
  /** `group/version` and `group/version/Kind`. */
  apiVersions: readonly string[];
  /** An object of the cluster, or nothing. */
  lookup(apiVersion: string, kind: string, namespace: string, name: string): object | undefined;
  genCA(name: string, days: number): ChartCertificate;
  genSignedCert(name: string, addresses: string[], names: string[], days: number, authority: ChartCertificate): ChartCertificate;
}

/** The text of each template that is no part of others, by its path, as Helm renders it. Throws `TemplateError`. */
export function renderChart(chart: Chart, values: Values, release: Release, around: ChartSurroundings): Record<string, string> {
  const bodies = new Map<string, Node[]>();
  const defined = new Map<string, readonly Node[]>();
  for (const [path, source] of Object.entries(chart.templates)) {
    const template = parseTemplate(`${chart.metadata.name}/${path}`, source);
    bodies.set(path, template.body);
    for (const [name, body] of template.defined) defined.set(name, body);
    defined.set(`${chart.metadata.name}/${path}`, template.body);
  }
  const context: TemplateContext = { functions: {}, defined };
  context.functions = { ...functions, ...surroundingFunctions(around), ...templateFunctions(context) };
  const dot = {
    Values: mergeValues(chart.values, values),
    Release: {
      Name: release.name,
      Namespace: release.namespace,
      Service: "Helm",
      IsInstall: !release.isUpgrade,
      IsUpgrade: release.isUpgrade ?? false,
    },
    Chart: { Name: chart.metadata.name, Version: chart.metadata.version, AppVersion: chart.metadata.appVersion },
    Capabilities: {
      KubeVersion: { Version: around.kubeVersion },
      APIVersions: { Has: (version: string) => around.apiVersions.includes(version) },
    },
    Files: { Get: (path: string) => chart.files?.[path] ?? "" },
    Template: { BasePath: `${chart.metadata.name}/templates` },
  };
  const rendered: Record<string, string> = {};
  for (const [path, body] of bodies) {
    if (path.split("/").at(-1)!.startsWith("_")) continue;
    try {
      rendered[path] = execute(context, body, { ...dot, Template: { ...dot.Template, Name: `${chart.metadata.name}/${path}` } });
    } catch (error) {
      throw new TemplateError(`${chart.metadata.name}/${path}: ${(error as Error).message}`, { cause: error });
    }
  }
  return rendered;
}

function templateFunctions(context: TemplateContext): Record<string, TemplateFunction> {
  return {
    include: (name: string, dot: unknown) => {
      const body = context.defined.get(name);
      if (!body) throw new TemplateError(`no template "${name}" associated with the chart`);
      return execute(context, body, dot);
    },
    tpl: (text: string, dot: unknown) => execute(context, parseTemplate("tpl", text).body, dot),
  };
}

function surroundingFunctions(around: ChartSurroundings): Record<string, TemplateFunction> {
  return {
    lookup: (apiVersion: string, kind: string, namespace: string, name: string) => around.lookup(apiVersion, kind, namespace, name) ?? {},
    genCA: (name: string, days: number) => around.genCA(name, days),
    genSignedCert: (name: string, addresses: string[] | undefined, names: string[], days: number, authority: ChartCertificate) =>
      around.genSignedCert(name, addresses ?? [], names, days, authority),
  };
}
