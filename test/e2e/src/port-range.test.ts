import { createServer } from "node:net";
import { claimPorts, type PortRange } from "@atoll/demo/port-range";
import { freePort } from "@atoll/testkit/free-port";
import { afterEach, expect, test } from "vitest";

const claimed: PortRange[] = [];
afterEach(() => claimed.splice(0).forEach((one) => one.release()));

const claim = async (preferred?: number) => {
  const range = await claimPorts({ ...(preferred === undefined ? {} : { preferred }), ports: (base) => [base, base + 1] });
  claimed.push(range);
  return range;
};

test("a range that is free is had, and by nobody else until it is released", async () => {
  const { base } = await claim();
  const first = await claim(base);
  expect(first.base).not.toBe(base);
  claimed.splice(0).forEach((one) => one.release());
  await new Promise((resolve) => setImmediate(resolve));
  expect((await claim(base)).base).toBe(base);
});

test.each(["127.0.0.1", "::1", "0.0.0.0"])("where something listens at %s, another range is had", async (host) => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  expect((await claim(port)).base).not.toBe(port);
  server.close();
});
