import { readFileSync } from "node:fs";
import { request, type RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import type { IncomingMessage } from "node:http";
import { kubeconfigOf, pathsOf, type ClusterPlan } from "./plan.ts";

export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: { name: string; namespace?: string; resourceVersion?: string };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

/** Speaks to the API server of a cluster, from within its network, as its administrator. */
export class ApiClient {
  readonly #options: RequestOptions;

  constructor(plan: ClusterPlan) {
    const token = /token: (\S+)/.exec(readFileSync(kubeconfigOf(plan.folder, "admin"), "utf8"))![1]!;
    this.#options = {
      host: "127.0.0.1",
      port: 6443,
      ca: readFileSync(pathsOf(plan).certificate),
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    };
  }

  /** The answer's text; throws on any status but one of success. */
  async ask(path: string, method = "GET", body?: object): Promise<string> {
    const answer = await this.#send(path, method, body);
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += chunk;
    if (answer.statusCode! >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return text;
  }

  /** Calls back for every object of a list and every change of one, until the connection ends. */
  async follow(path: string, seen: (object: ApiObject) => Promise<void>): Promise<void> {
    const list = JSON.parse(await this.ask(path)) as { items: ApiObject[]; metadata: { resourceVersion: string } };
    for (const item of list.items) await seen(item);
    const answer = await this.#send(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`, "GET");
    for await (const line of createInterface({ input: answer })) {
      const { type, object } = JSON.parse(line) as { type: string; object: ApiObject };
      if (type === "ADDED" || type === "MODIFIED") await seen(object);
      if (type === "ERROR") return;
    }
  }

  #send(path: string, method: string, body?: object): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { ...this.#options.headers, ...(body && { "content-type": "application/merge-patch+json" }) } as Record<
        string,
        string
      >;
      const asked = request({ ...this.#options, path, method, headers }, resolve).once("error", reject);
      asked.end(body && JSON.stringify(body));
    });
  }
}
