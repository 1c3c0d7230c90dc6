import { type Kind, kindOf, type ResourceKey } from "@atoll/resource";
import { Agent, request } from "undici";

/** A REST API refused a write for what it says: writing it again changes nothing until something else does. */
export class RestRefusal extends Error {
  override readonly name = "RestRefusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface RestWriterOptions {
  /** `http://host:port` or `https://...`, with a base path if there is one. */
  readonly url: string;
  /** PEM that its certificate is verified with. */
  readonly ca?: string;
  readonly skipVerify?: boolean;
  /** Asked at every call. */
  readonly bearer: () => string;
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly invalid_parameters?: readonly { readonly field: string; readonly reason: string }[];
}

/** Answers that say nothing of the document: whoever asked may ask again. */
const passing = new Set([401, 403, 408, 409, 429]);

/** Writes resources through a control plane's REST API, as everybody else does. */
export class RestWriter {
  readonly #options: RestWriterOptions;
  readonly #agent: Agent;

  constructor(options: RestWriterOptions) {
    this.#options = options;
    const { ca, skipVerify = false } = options;
    this.#agent = new Agent({ connect: { ...(ca !== undefined && { ca }), rejectUnauthorized: !skipVerify }, headersTimeout: 60_000 });
  }

  /** @throws RestRefusal for what the document says, Error if nothing can be said of it now */
  async put(key: ResourceKey, document: object): Promise<void> {
    await this.#send("PUT", pathOf(key), document);
  }

  /** Undefined: it is not there. */
  async get<Document>(key: ResourceKey): Promise<Document | undefined> {
    try {
      return JSON.parse(await this.#send("GET", pathOf(key))) as Document;
    } catch (error) {
      if (error instanceof RestRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  /** What is not there is deleted. */
  async delete(key: ResourceKey): Promise<void> {
    try {
      await this.#send("DELETE", pathOf(key));
    } catch (error) {
      if (!(error instanceof RestRefusal) || error.status !== 404) throw error;
    }
  }

  /** Puts and deletes all of it, or none. */
  async change(puts: readonly object[], deletes: readonly ResourceKey[]): Promise<void> {
    await this.#send("POST", "/changes", { resources: puts, delete: deletes, reason: "names of a cluster" });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #send(method: "GET" | "PUT" | "DELETE" | "POST", path: string, body?: object): Promise<string> {
    const { url, bearer } = this.#options;
    const response = await request(`${url.replace(/\/$/, "")}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${bearer()}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode < 300) return text;
    const message = textOf(statusCode, text);
    if (statusCode >= 500 || passing.has(statusCode)) throw new Error(`${method} ${path}: ${message}`);
    throw new RestRefusal(statusCode, message);
  }
}

function pathOf({ type, mesh, name }: ResourceKey): string {
  const { scope, path } = kindOf(type) as Kind;
  return `${scope === "mesh" ? `/meshes/${encodeURIComponent(mesh)}` : ""}/${path}/${encodeURIComponent(name)}`;
}

function textOf(status: number, body: string): string {
  try {
    const { title = "", detail = "", invalid_parameters: faults = [] } = JSON.parse(body) as Problem;
    const fields = faults.map(({ field, reason }) => (field === "" ? reason : `${field}: ${reason}`));
    return [title, detail === title || detail === "Resource is not valid" ? "" : detail, ...fields]
      .filter((part) => part !== "")
      .join("; ");
  } catch {
    return `HTTP ${status}`;
  }
}
