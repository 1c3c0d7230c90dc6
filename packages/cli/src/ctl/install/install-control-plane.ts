import { readFile } from "node:fs/promises";
import type { Chart, ChartCertificate, ChartSurroundings, Values } from "@atoll/chart";
import type { Command } from "commander";
import { parseAllDocuments, stringify } from "yaml";
import { CtlError } from "../ctl-error.ts";
import { repeated } from "../flags.ts";
import type { Io } from "../io.ts";
import { defaultValues, parseValues, readChart } from "./chart-files.ts";
import { type ClusterFacts, readClusterFacts } from "./cluster-facts.ts";
import { addValueFlags, nodePortValues, valuesOfFlags } from "./control-plane-flags.ts";
import { type InstalledObject, inInstallOrder } from "./install-order.ts";

type Flags = Readonly<Record<string, unknown>> & {
  namespace: string;
  values?: string[];
  set?: string[];
  skipKinds?: string[];
  apiVersions?: string[];
  withoutKubernetesConnection?: true;
  dumpValues?: true;
};

const kubeVersion = "v1.33.0";

/** Prints the objects of a control plane: the same chart that Helm installs, with its release called like it. */
export function addInstallControlPlane(install: Command, io: Io): void {
  const command = install
    .command("control-plane")
    .description("Print the objects that run a control plane on Kubernetes, for kubectl apply --server-side -f -")
    .option("--namespace <name>", "namespace to install to", "kuma-system")
    .option("--version <version>", "version of every image");
  addValueFlags(command);
  command
    .option("--use-node-port", "use NodePort instead of LoadBalancer for global")
    .option("--ingress-use-node-port", "use NodePort instead of LoadBalancer for the Ingress Service")
    .option("-f, --values <path>", "values in a YAML file, or - for standard input, as `helm template <chart> -f ...`", repeated)
    .option("--set <pairs>", "values, as `helm template <chart> --set ...`", repeated)
    .option("--skip-kinds <kind>", "kinds not to print", repeated)
    .option("--api-versions <version>", "what the cluster serves, such as gateway.networking.k8s.io/v1/GatewayClass", repeated)
    .option("--without-kubernetes-connection", "do not ask the cluster what is there: for a first installation, not for an upgrade")
    .option("--dump-values", "print all values there are, as `helm show values <chart>`")
    .action(async (flags: Flags) => {
      if (flags.dumpValues) return io.out(defaultValues());
      const { objects, idle } = await controlPlaneObjects(flags, io);
      for (const line of idle) io.err(`Warning: ${line}\n`);
      io.out(objects.map((object) => `---\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`).join(""));
    });
}

async function controlPlaneObjects(flags: Flags, io: Io): Promise<{ objects: InstalledObject[]; idle: string[] }> {
  const { mergeValues, TemplateError } = await import("@atoll/chart");
  const chart = readChart();
  try {
    const values = mergeValues(await givenValues(flags, io), nodePortValues(flags));
    const namespace = flags.namespace;
    const name = String(mergeValues(chart.values, values)["nameOverride"] ?? chart.metadata.name);
    const facts: ClusterFacts = flags.withoutKubernetesConnection
      ? { apiVersions: [], secret: undefined }
      : await readClusterFacts({ namespace, name: `${name}-tls-cert` });
    facts.apiVersions.push(...(flags.apiVersions ?? []));
    const files = await rendered(chart, values, { name, namespace }, facts, io.now().getTime());
    const [notes = ""] = Object.entries(files).flatMap(([path, text]) => (path.endsWith("NOTES.txt") ? [text] : []));
    const objects = [namespaceObject(namespace), ...(await definitions()), ...documentsOf(files)];
    const wanted = objects.filter(({ kind }) => !flags.skipKinds?.includes(kind));
    return { objects: inInstallOrder(wanted), idle: idleLines(notes) };
  } catch (error) {
    if (error instanceof TemplateError) throw new CtlError(`Failed to render helm template files: ${error.message}`);
    throw error;
  }
}

async function givenValues(flags: Flags, io: Io): Promise<Values> {
  const { mergeValues, setValues } = await import("@atoll/chart");
  let values = valuesOfFlags(flags);
  for (const path of flags.values ?? []) {
    const text = path.trim() === "-" ? await io.input() : await readValuesFile(path);
    try {
      values = mergeValues(values, parseValues(text));
    } catch (error) {
      throw new CtlError(`failed to parse ${path}: ${(error as Error).message}`);
    }
  }
  for (const text of flags.set ?? []) values = setValues(values, text);
  return values;
}

async function readValuesFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CtlError(`open ${path}: ${(error as Error).message}`);
  }
}

/** Certificates take time to make, and templates none: a first pass finds out for which names. */
async function rendered(
  chart: Chart,
  values: Values,
  release: { name: string; namespace: string },
  facts: ClusterFacts,
  nowMs: number,
): Promise<Record<string, string>> {
  const { renderChart } = await import("@atoll/chart");
  let names: string[] | undefined;
  let made: ChartCertificate = { Cert: "", Key: "" };
  const around: ChartSurroundings = {
    kubeVersion,
    apiVersions: facts.apiVersions,
    lookup: (_version, kind) => (kind === "Secret" ? facts.secret : undefined),
    // One that is its own authority.
    genCA: () => made,
    genSignedCert: (name, addresses, alternatives) => {
      names = [...new Set([name, ...alternatives, ...addresses])];
      return made;
    },
  };
  const first = renderChart(chart, values, release, around);
  if (names === undefined) return first;
  const { createSelfSignedCertificate, generateRsaKey } = await import("@atoll/certificate");
  const pair = await createSelfSignedCertificate({ subject: `CN=${names[0]}`, keyPair: generateRsaKey, usage: "serverAuth", names, nowMs });
  made = { Cert: pair.certPem, Key: pair.keyPem };
  return renderChart(chart, values, release, around);
}

function namespaceObject(name: string): InstalledObject {
  const labels = { "kuma.io/system-namespace": "true" };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } } as InstalledObject;
}

async function definitions(): Promise<InstalledObject[]> {
  const { customResourceDefinitions } = await import("@atoll/kubernetes");
  return customResourceDefinitions() as InstalledObject[];
}

function documentsOf(files: Readonly<Record<string, string>>): InstalledObject[] {
  return Object.entries(files).flatMap(([path, text]) =>
    path.endsWith(".yaml")
      ? parseAllDocuments(text).flatMap((document) => (document.contents === null ? [] : [document.toJS() as InstalledObject]))
      : [],
  );
}

/** What the notes say of values without effect, a line for each. */
function idleLines(notes: string): string[] {
  const [, listed = ""] = notes.split(/^These values are set and have no effect:$/m);
  return listed
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => `${line.trim()} (no effect)`);
}
