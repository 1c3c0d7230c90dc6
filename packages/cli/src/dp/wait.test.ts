import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { waitForEnvoy } from "./wait.ts";

const options = { checkFrequencyMs: 5, requestTimeoutMs: 2_000, timeoutMs: 10_000 };

test("wait ends when Envoy answers 200, and fails when it takes too long", async () => {
  const statuses = [503, 503, 200];
  const server = createServer((_request, response) => response.writeHead(statuses.shift() ?? 500).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ready`;
  const said: string[] = [];
  await waitForEnvoy({ ...options, url }, (message) => said.push(message));
  expect(said.slice(1)).toEqual(["the proxy is not ready: it answers 503", "the proxy is not ready: it answers 503", "the proxy is ready"]);
  await expect(waitForEnvoy({ ...options, url, timeoutMs: 20 }, () => {})).rejects.toThrow(
    /^the proxy was not ready within 0.02 s: it answers 500$/,
  );
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
