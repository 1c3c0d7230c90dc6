import type { Cluster } from "./cluster.ts";
import { imageNames } from "./images.ts";

export interface Workload {
  name: string;
  namespace: string;
  replicas?: number;
  /** Labels and annotations of its pods. */
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  serviceAccount?: string;
}

/** Answers every request with the name of its pod and the headers that came; a SIGTERM is heard, and answered by going. */
const server = `
process.on("SIGTERM", () => process.exit(0));
require("http").createServer((request, answer) => answer.end(JSON.stringify({ pod: process.env.HOSTNAME, path: request.url, headers: request.headers }))).listen(8080)`;

/** A Deployment that answers HTTP at 8080, and its Service at 80. */
export function workloadDocuments({ name, namespace, replicas = 1, labels = {}, annotations = {}, serviceAccount }: Workload): string {
  const pod = {
    metadata: { labels: { app: name, ...labels }, annotations },
    spec: {
      terminationGracePeriodSeconds: 35,
      ...(serviceAccount && { serviceAccountName: serviceAccount }),
      containers: [
        {
          name: "app",
          image: imageNames.workload,
          command: ["node", "-e", server],
          ports: [{ name: "http", containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: pod },
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080, appProtocol: "http" }] },
  };
  return [deployment, service].map((one) => JSON.stringify(one)).join("\n---\n");
}

export interface Asked {
  status?: number;
  text?: string;
  /** Why there was no answer. */
  error?: string;
}

/** What a workload gets when it asks for a URL. */
export async function askFrom(
  cluster: Cluster,
  { name, namespace }: Workload,
  url: string,
  headers: Record<string, string> = {},
): Promise<Asked> {
  const script = `fetch(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)}, signal: AbortSignal.timeout(5000) })
    .then(async (answer) => ({ status: answer.status, text: await answer.text() }), (error) => ({ error: error.cause?.code ?? error.message }))
    .then((answer) => console.log(JSON.stringify(answer)))`;
  return JSON.parse(
    await cluster.kubectl("--namespace", namespace, "exec", `deployment/${name}`, "--container", "app", "--", "node", "-e", script),
  ) as Asked;
}
