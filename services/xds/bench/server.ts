/** The xDS server of `proxies.ts`, in a process of its own. Tells its parent the port, and on request what it has used. */
import { createLogger } from "@atoll/runtime";
import { startXds, xdsSettings } from "../src/index.ts";

const server = await startXds(xdsSettings.parse(JSON.parse(process.env["SETTINGS"]!)), createLogger("xds", "warn"));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpuMs: (user + system) / 1_000, memoryMb: process.memoryUsage.rss() / 1e6 });
});
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));
process.send!({ port: server.port });
