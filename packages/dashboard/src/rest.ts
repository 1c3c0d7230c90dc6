import { signal } from "@preact/signals";

/** The REST API lives beside the page: `/gui/` below whatever base path. */
const base = location.pathname.replace(/\/gui\/.*$|\/gui$/, "");
const tokenKey = "atoll-token";

/** A user token, for this tab alone. "" = as whoever the control plane takes this machine for. */
export const token = signal(sessionStorage.getItem(tokenKey) ?? "");

export function signIn(text: string): void {
  token.value = text.trim();
  if (token.value === "") sessionStorage.removeItem(tokenKey);
  else sessionStorage.setItem(tokenKey, token.value);
}

/** What the control plane answered instead, in its words. */
export class RestError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Problem {
  title?: string;
  detail?: string;
  invalid_parameters?: { field: string; reason: string }[];
}

export function request(path: string, init: RequestInit = {}): Promise<Response> {
  const authorization: Record<string, string> = token.value === "" ? {} : { authorization: `Bearer ${token.value}` };
  const type: Record<string, string> = init.body === undefined ? {} : { "content-type": "application/json" };
  return fetch(base + path, { ...init, headers: { accept: "application/json", ...type, ...authorization, ...(init.headers as object) } });
}

/** @throws RestError */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answerOf<T>(await request(path, { signal: signal ?? null }));
}

/** @throws RestError */
export async function post<T>(path: string, body: unknown): Promise<T> {
  return answerOf<T>(await request(path, { method: "POST", body: JSON.stringify(body) }));
}

async function answerOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (response.ok) return (text === "" ? {} : JSON.parse(text)) as T;
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not JSON: shown as it is.
  }
  const faults = (problem.invalid_parameters ?? []).map(({ field, reason }) => `${field}: ${reason}`);
  const said = [problem.title, problem.detail].filter(Boolean).join(": ") || text || response.statusText;
  throw new RestError(response.status, [said, ...faults].join("\n"));
}
