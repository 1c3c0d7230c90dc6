import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect, test, vi } from "vitest";
import { parse } from "yaml";
import { ctlCommand } from "./command.ts";
import type { CtlConfig } from "./config-file.ts";

test("config control-planes add writes the address that stands behind the command, and switches to it", async () => {
  using folder = scratchFolder();
  const plane = createServer((_request, response) => response.end(JSON.stringify({ product: "Atoll" })));
  await new Promise<void>((resolve) => plane.listen(0, "127.0.0.1", resolve));
  const file = join(folder.path, "config.yaml");
  const print = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const address = `http://127.0.0.1:${(plane.address() as AddressInfo).port}`;
  await ctlCommand().parseAsync(
    ["--config-file", file, "config", "control-planes", "add", "--name", "one", "--address", address, "--overwrite"],
    { from: "user" },
  );
  print.mockRestore();
  plane.close();
  const written = parse(readFileSync(file, "utf8")) as CtlConfig;
  expect(written.currentContext).toBe("one");
  expect(written.controlPlanes).toContainEqual({ name: "one", coordinates: { apiServer: { url: address } } });
});
