import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventLogContract } from "./contract-suite.ts";
import { EmbeddedLog } from "./embedded-log.ts";
import { relayLogTo, serveRelay } from "./relay-fixture.ts";

async function embedded() {
  const folder = mkdtempSync(join(tmpdir(), "atoll-log-"));
  const log = await EmbeddedLog.open({ path: join(folder, "log.db") });
  return {
    log,
    close: async () => {
      await log.close();
      rmSync(folder, { recursive: true });
    },
  };
}

eventLogContract("EmbeddedLog", embedded);

eventLogContract("RelayLog over EmbeddedLog", async () => {
  const owner = await embedded();
  const server = await serveRelay(owner.log);
  const log = relayLogTo(server.port);
  return {
    log,
    close: async () => {
      await log.close();
      server.close();
      await owner.close();
    },
  };
});
