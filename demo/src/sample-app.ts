import { createServer, type Server } from "node:http";

/** An HTTP service that says who it is and what reached it. */
export interface SampleApp {
  port: number;
  close(): Promise<void>;
}

export async function startSampleApp(name: string, port: number, host = "127.0.0.1"): Promise<SampleApp> {
  const server: Server = createServer((request, response) => {
    const certificate = request.headers["x-forwarded-client-cert"];
    const caller = typeof certificate === "string" ? /URI=(spiffe:[^;,]+)/.exec(certificate)?.[1] : undefined;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ service: name, path: request.url, ...(caller && { calledBy: caller }) }) + "\n");
  });
  // Envoy keeps its connections; closing them under it would look like a failing service.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
