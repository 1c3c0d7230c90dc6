import type { IncomingMessage } from "node:http";

/**
 * Reads what is left of a request's body and drops it, `mostBytes` at most; answers whether it came to the end. A connection that is closed while its client still sends is
 * reset, and the client may never read why its body was refused.
 */
export function dropBody(request: IncomingMessage, mostBytes: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (request.complete || request.readableEnded || request.destroyed) return resolve(true);
    let sizeBytes = 0;
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > mostBytes) resolve(false);
    });
    request.on("end", () => resolve(true));
    for (const broken of ["error", "close"]) request.on(broken, () => resolve(false));
    request.resume();
  });
}
