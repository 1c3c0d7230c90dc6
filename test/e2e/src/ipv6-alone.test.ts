import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureCommand } from "@atoll/testkit/ensure-command";
import { describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("ipv6-alone.ts", import.meta.url));
const projectNode = fileURLToPath(new URL("../../../node_modules/node/bin/node", import.meta.url));
const caller = "spiffe://default/";

/** A network with a loopback that has ::1 alone; needs root. Everything in it is in ipv6-alone.ts. */
describe.runIf(process.getuid?.() === 0)("on a machine that has ::1 alone", () => {
  test.each([
    ["as the settings are by default", []],
    ["with interfaces of ::", ["::"]],
  ])(
    "all ports answer and all hops carry, %s",
    async (_, args) => {
      ensureCommand("ip", ["-V"], "iproute2", "ip is not there, and cannot be installed");
      const alone = 'ip link set lo up && ip -4 address flush dev lo && exec "$@"';
      const node = [projectNode, "--conditions=@atoll/source"];
      const command = ["--net", "--", "sh", "-c", alone, "sh", ...node, script, ...args];
      const { stdout, stderr } = await promisify(execFile)("unshare", command, { timeout: 170_000, maxBuffer: 64 * 2 ** 20 });
      const line = stdout.split("\n").find((one) => one.startsWith("FOUND "));
      expect(line, stderr).toBeDefined();
      const { refused, ...found } = JSON.parse(line!.slice("FOUND ".length)) as Record<string, unknown>;
      expect(refused).toEqual([]);
      expect(found).toEqual({
        "gateway, egress, ingress, sidecar": `${caller}edge`,
        "sidecar, egress, ingress, sidecar": `${caller}caller`,
        "external service through the egress": "nobody",
        "metrics of a proxy": true,
        "readiness of a proxy": "READY",
        "REST of zone east": 2,
        "REST of zone west": 1,
        "diagnostics of zone east": true,
        "diagnostics of zone west": true,
        "diagnostics of xDS server east": true,
        "diagnostics of xDS server west": true,
        "monitoring of zone east": true,
        "monitoring of zone west": true,
        "REST of global": 3,
        "diagnostics of global": true,
        "diagnostics of the token issuer": true,
        "Envoy's admin interface through global": true,
        "status by atollctl": 3,
        ...Object.fromEntries([0, 1, 2, 3, 4].map((index) => [`stop of proxy ${index}`, "done"])),
      });
    },
    180_000,
  );
});
