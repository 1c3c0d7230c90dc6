import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** GET over one kept connection, so that a request costs as little as it can. */
export function get(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, headers, agent, timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") }),
      );
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error("no answer within 5 s")));
    call.on("error", reject);
    call.end();
  });
}

/** Changes something, then asks again and again until it shows. Milliseconds from the start of the change. */
export async function timeToEffect(change: () => Promise<unknown>, shows: () => Promise<boolean>, limitMs: number): Promise<number> {
  const began = performance.now();
  let failure: unknown;
  const changed = change().catch((error) => (failure = error));
  while (!(await shows())) {
    if (failure !== undefined) throw failure;
    if (performance.now() - began > limitMs) throw new Error(`the change did not show within ${limitMs} ms`);
  }
  const elapsed = performance.now() - began;
  await changed;
  return elapsed;
}
