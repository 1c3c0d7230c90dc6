import { createServer } from "node:http";

export interface Readiness {
  terminate(): void;
  close(): void;
}

/** `/ready` for whoever load-balances to this proxy: 200 READY, then 503 TERMINATING. Port 0 = none. */
export async function startReadiness(address: string, port: number): Promise<Readiness> {
  if (port === 0) return { terminate: () => {}, close: () => {} };
  let terminating = false;
  const server = createServer((request, response) => {
    if (request.url !== "/ready") response.writeHead(404).end();
    else response.writeHead(terminating ? 503 : 200, { "content-type": "text/plain" }).end(terminating ? "TERMINATING" : "READY");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`readiness port ${port} (KUMA_READINESS_PORT): ${error.message}`)));
    server.listen(port, address, resolve);
  });
  return {
    terminate: () => (terminating = true),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
