import { defaultConfig } from "@atoll/transparent-proxy";
import { describe, expect, test } from "vitest";
import { configOfFlags } from "./config-of-flags.ts";
import type { Machine, Ran } from "./machine.ts";
import { installRedirection, removeRedirection } from "./redirection.ts";

describe("a configuration", () => {
  const document = "redirect: { inbound: { port: 1, excludePorts: '22' }, outbound: { port: 1 } }\nkumaDPUser: doc";

  test("is the document's, over it what variables say, over both what flags say", () => {
    const env = {
      KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT: "2",
      KUMA_TRANSPARENT_PROXY_KUMA_DP_USER: "env",
      KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS: "1,2",
      KUMA_TRANSPARENT_PROXY_IP_FAMILY_MODE: "ipv4",
    };
    const config = configOfFlags({ redirectInboundPort: "3", redirectInbound: "false", redirectDns: true }, document, env);
    expect(config.redirect.inbound).toMatchObject({ port: 3, enabled: false, excludePorts: [22] });
    expect(config.redirect.outbound).toMatchObject({ port: 1, excludePortsForUIDs: ["1", "2"] });
    expect(config).toMatchObject({ kumaDPUser: "env", ipFamilyMode: "ipv4", redirect: { dns: { enabled: true } } });
  });

  test.each([
    [{ redirectInboundPort: "0" }, "--redirect-inbound-port: redirect.inbound.port: value '0' is not a valid port"],
    [{ redirectInbound: "maybe" }, '--redirect-inbound: "maybe" is neither true nor false'],
    [{ wait: "long" }, "--wait: wait: "],
    [{ iptablesExecutables: "iptable:/x" }, "--iptables-executables: invalid format in 'iptable:/x'"],
  ])("that cannot be read names the flag: %o", (flags, reason) => expect(() => configOfFlags(flags, undefined, {})).toThrow(reason));

  test("names its document and the variable where these cannot be read", () => {
    expect(() => configOfFlags({}, "a: 1", {})).toThrow('--config: configuration: Unrecognized key: "a"');
    expect(() => configOfFlags({}, undefined, { KUMA_TRANSPARENT_PROXY_WAIT: "x" })).toThrow("KUMA_TRANSPARENT_PROXY_WAIT: wait: ");
  });
});

const empty = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT";
const ours = `*nat\n:KUMA_MESH_INBOUND - [0:0]\n-A PREROUTING -m comment --comment "kuma/mesh/transparent/proxy/x" -j KUMA_MESH_INBOUND\n-A PREROUTING -j OTHER\nCOMMIT`;

interface Setup {
  /** What `iptables-<mode>-save` shows; a mode that is not named is not there. */
  saved: Partial<Record<"nft" | "legacy", string>>;
  addresses?: string[];
  passwd?: string;
  /** How often restoring fails. */
  failures?: number;
}

function machine({ saved, addresses = ["10.0.0.2"], passwd = "kuma-dp:x:777:777::/:/bin/sh", failures = 0 }: Setup) {
  const restored: { args: string[]; rules: string }[] = [];
  const waited: number[] = [];
  let left = failures;
  const ok = (stdout = ""): Ran => ({ status: 0, stdout, stderr: "" });
  const fake: Machine = {
    isRoot: true,
    find: (program) => (Object.keys(saved).some((mode) => program.includes(`-${mode}`)) ? `/sbin/${program}` : undefined),
    run(path, args, input) {
      const mode = path.includes("-nft") ? "nft" : "legacy";
      if (args[0] === "--version") return ok(`iptables v1.8.9 (${mode === "nft" ? "nf_tables" : "legacy"})\n`);
      if (path.endsWith("-save")) return ok(args[1] === undefined || args[1] === "nat" ? saved[mode] : "");
      if (!path.endsWith("-restore")) return ok();
      if (args.includes("--test")) return ok();
      if (left > 0) {
        left -= 1;
        return { status: 4, stdout: "", stderr: "Another app is currently holding the xtables lock" };
      }
      restored.push({ args: [path, ...args], rules: input ?? "" });
      return ok();
    },
    read: (path) => (path === "/etc/passwd" ? passwd : undefined),
    interfaces: () => [
      { name: "lo", isLoopback: true, addresses: ["127.0.0.1"] },
      { name: "eth0", isLoopback: false, addresses },
    ],
    wait: async (ms) => void waited.push(ms),
  };
  return { fake, restored, waited };
}

const silent = { info: () => {}, warn: () => {} };

describe("rules", () => {
  test("are nftables' where they are, unless somebody has rules in the older tables alone", async () => {
    const both = machine({ saved: { nft: empty, legacy: empty } });
    await installRedirection(both.fake, defaultConfig(), silent);
    expect(both.restored.map(({ args }) => args)).toEqual([["/sbin/iptables-nft-restore", "--noflush"]]);
    expect(both.restored[0]?.rules).toContain("--uid-owner 777");
    const used = machine({ saved: { nft: empty, legacy: `${empty}\n-A PREROUTING -j DOCKER` } });
    await installRedirection(used.fake, defaultConfig(), silent);
    expect(used.restored.map(({ args }) => args)).toEqual([["/sbin/iptables-legacy-restore", "--wait=5", "--noflush"]]);
  });

  test("are made for IPv6 where the machine has an address of it", async () => {
    const { fake, restored } = machine({ saved: { nft: empty }, addresses: ["10.0.0.2", "fd00::2"] });
    await installRedirection(fake, defaultConfig(), silent);
    expect(restored.map(({ args }) => args[0])).toEqual(["/sbin/iptables-nft-restore", "/sbin/ip6tables-nft-restore"]);
    expect(restored[1]?.rules).toContain("-s ::6/128 -o lo");
  });

  test("of an earlier run go first, and those of others stay", async () => {
    const { fake, restored } = machine({ saved: { nft: ours } });
    await removeRedirection(fake, defaultConfig(), silent);
    expect(restored).toEqual([{ args: ["/sbin/iptables-nft-restore"], rules: "*nat\n-A PREROUTING -j OTHER\nCOMMIT" }]);
  });

  test("are tried again while somebody else holds the lock, and no longer than is said", async () => {
    const busy = machine({ saved: { legacy: empty }, failures: 2 });
    await installRedirection(busy.fake, defaultConfig(), silent);
    expect([busy.waited, busy.restored.length]).toEqual([[2000, 2000], 1]);
    const stuck = machine({ saved: { legacy: empty }, failures: 9 });
    await expect(installRedirection(stuck.fake, defaultConfig(), silent)).rejects.toThrow("iptables-legacy-restore failed: Another app");
    expect(stuck.waited.length).toBe(4);
  });

  test("need a proxy's user, iptables, and marks on what is to be taken away", async () => {
    const nobody = machine({ saved: { nft: empty }, passwd: "root:x:0:0::/:/bin/sh" }).fake;
    await expect(installRedirection(nobody, defaultConfig(), silent)).rejects.toThrow(
      "user with the default UID ('5678') or username ('kuma-dp')",
    );
    await expect(installRedirection(nobody, { ...defaultConfig(), kumaDPUser: "web" }, silent)).rejects.toThrow("('web') does not refer");
    await expect(installRedirection(machine({ saved: {} }).fake, defaultConfig(), silent)).rejects.toThrow(
      "neither iptables-nft nor iptables-legacy",
    );
    const unmarked = machine({ saved: { nft: "*nat\n-A PREROUTING -j KUMA_MESH_INBOUND\nCOMMIT" } }).fake;
    await expect(removeRedirection(unmarked, defaultConfig(), silent)).rejects.toThrow("remove them by hand");
  });
});
