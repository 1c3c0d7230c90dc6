import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  apiVersion,
  clusterKinds,
  containerPatchKind,
  gatewayKinds,
  kindId,
  type KubernetesObject,
  type ObjectKind,
  resourceKinds,
} from "@atoll/kubernetes";
import { KubernetesError, type PatchOperation } from "@atoll/kubernetes-client";
import type { ClusterDouble } from "./cluster-double.ts";

export interface ServedCluster {
  readonly url: string;
  close(): Promise<void>;
}

const kinds = new Map(
  [...Object.values(clusterKinds), ...Object.values(gatewayKinds), containerPatchKind, ...resourceKinds].map((kind) => [
    kindId(kind),
    kind,
  ]),
);

interface Asked {
  readonly kind: ObjectKind;
  readonly namespace?: string;
  readonly name?: string;
  readonly query: URLSearchParams;
}

/** The double behind an API server's paths, in clear, on a port of this machine. */
export async function serveCluster(cluster: ClusterDouble, port: number = 0): Promise<ServedCluster> {
  const server = createServer((request, response) => {
    answer(cluster, request, response).catch((error: unknown) => {
      const { code, reason, message } = error instanceof KubernetesError ? error : new KubernetesError(500, "", String(error));
      if (!response.headersSent) response.writeHead(code || 500, { "content-type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", code, reason, message }));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(cluster: ClusterDouble, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const asked = read(url);
  const send = (body: unknown) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (asked === undefined) return send({ kind: "APIResourceList", resources: servedAt(url.pathname) });
  const { kind, namespace, name, query } = asked;
  const key = { ...(namespace !== undefined && { namespace }), name: name ?? "" };
  const selection = { ...(namespace !== undefined && { namespace }), fieldSelector: query.get("fieldSelector") ?? undefined };
  if (request.method === "GET" && query.get("watch") === "1")
    return sendEvents(cluster, kind, selection, query.get("resourceVersion") ?? "0", response);
  if (request.method === "GET" && name === undefined) {
    const { items, resourceVersion } = await cluster.list(kind, selection);
    return send({ apiVersion: apiVersion(kind), kind: `${kind.kind}List`, metadata: { resourceVersion }, items });
  }
  if (request.method === "GET") return send(await cluster.get(kind, key));
  const body = (await bodyOf(request)) as KubernetesObject;
  if (request.method === "POST") return send(await cluster.create(kind, body));
  if (request.method === "PUT") return send(await cluster.replace(kind, body));
  if (request.method === "DELETE") {
    await cluster.delete(kind, key, (body as unknown as { preconditions?: { uid?: string } }).preconditions);
    return send({ kind: "Status", status: "Success" });
  }
  const type = request.headers["content-type"] ?? "";
  if (type.includes("apply-patch")) return send(await cluster.apply(kind, body));
  if (type.includes("merge-patch")) return send(await cluster.merge(kind, key, body));
  return send(await cluster.patch(kind, key, body as unknown as PatchOperation[]));
}

async function sendEvents(
  cluster: ClusterDouble,
  kind: ObjectKind,
  selection: { namespace?: string; fieldSelector?: string },
  resourceVersion: string,
  response: ServerResponse,
): Promise<void> {
  const stop = new AbortController();
  response.on("close", () => stop.abort());
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  try {
    for await (const event of cluster.watch(kind, { ...selection, resourceVersion, signal: stop.signal }))
      response.write(`${JSON.stringify(event)}\n`);
  } catch (error) {
    const { code, message } = error as KubernetesError;
    response.write(`${JSON.stringify({ type: "ERROR", object: { kind: "Status", code, message, metadata: {} } })}\n`);
  }
  response.end();
}

/** `/api/v1/...` or `/apis/group/version/...`; undefined for a group's own page. */
function read(url: URL): Asked | undefined {
  const parts = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const group = parts[0] === "api" ? "" : parts[1]!;
  const rest = parts.slice(parts[0] === "api" ? 2 : 3);
  if (rest.length === 0) return undefined;
  const isSpaced = rest[0] === "namespaces" && rest.length > 2;
  const [plural = "", name] = isSpaced ? rest.slice(2) : rest;
  const kind = kinds.get(kindId({ group, plural }));
  if (kind === undefined) throw new KubernetesError(404, "NotFound", `the double has no ${plural} of ${group}`);
  return { kind, ...(isSpaced && { namespace: rest[1]! }), ...(name !== undefined && { name }), query: url.searchParams };
}

const servedAt = (path: string): { name: string }[] =>
  [...kinds.values()].filter((kind) => path.endsWith(`/${apiVersion(kind)}`)).map(({ plural }) => ({ name: plural }));

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
