import { defaultConfig, readIpFamilyMode, TransparentProxyError, type TransparentProxyConfig } from "@atoll/transparent-proxy";
import { fileError, readTextFile } from "@atoll/yaml";
import type { Command } from "commander";
import { CtlError } from "../ctl-error.ts";
import { repeated } from "../flags.ts";
import type { Io } from "../io.ts";
import { configOfFlags, type RedirectFlags } from "./config-of-flags.ts";
import { thisMachine, type Machine } from "./machine.ts";
import { addPassthroughAddress, installRedirection, removeRedirection, type Report } from "./redirection.ts";
import { validateRedirection } from "./validate-redirection.ts";

const { redirect, retry, wait } = defaultConfig();

/** `install transparent-proxy` and what checks it, with the flags that kumactl has: the same program runs in init containers. */
export function addInstallTransparentProxy(install: Command, io: Io, machine: Machine = thisMachine): void {
  const command = install
    .command("transparent-proxy")
    .description("Redirect this machine's traffic to its proxy, by iptables rules; needs root")
    .option("--config <yaml>", "all of what follows as YAML or JSON")
    .option("--dry-run [bool]", "only print the rules")
    .option("--verbose [bool]", "rules in their long form")
    .option("--kuma-dp-user <name or uid>", "user that runs the proxy, whose traffic is not redirected (5678 or kuma-dp)")
    .option("--kuma-dp-uid <uid>", "the same")
    .option("--ip-family-mode <mode>", "dualstack or ipv4 (dualstack)")
    .option("--redirect-outbound-port <port>", `where Envoy takes what goes out (${redirect.outbound.port})`)
    .option("--redirect-inbound [bool]", "redirect what comes in, too; false for gateways (true)")
    .option("--redirect-inbound-port <port>", `where Envoy takes it (${redirect.inbound.port})`)
    .option("--exclude-inbound-ports <ports>", "ports of this machine that are reached without the proxy, such as 22")
    .option(
      "--exclude-inbound-ips <addresses>",
      "callers that reach it without the proxy, as addresses or CIDRs; may be repeated",
      repeated,
    )
    .option("--exclude-outbound-ports <ports>", "ports that are called without the proxy")
    .option("--exclude-outbound-ips <addresses>", "addresses or CIDRs that are called without the proxy; may be repeated", repeated)
    .option("--exclude-outbound-ports-for-uids <rule>", "protocol:ports:uids that call without the proxy; may be repeated", repeated)
    .option("--redirect-dns [bool]", "send questions to the servers of /etc/resolv.conf to the proxy")
    .option("--redirect-all-dns-traffic [bool]", "send all questions of DNS to the proxy")
    .option("--redirect-dns-port <port>", `where the proxy answers them (${redirect.dns.port})`)
    .option("--skip-dns-conntrack-zone-split [bool]", "have the kernel track questions of applications and of the proxy together")
    .option(
      "--vnet <interface:CIDR>",
      "virtual network, such as docker0:172.17.0.0/16, whose traffic is redirected, too; may be repeated",
      repeated,
    )
    .option("--redirect-inbound-insert-instead-of-append [bool]", "put the rule for what comes in before those of others")
    .option("--redirect-outbound-insert-instead-of-append [bool]", "put the rule for what goes out before those of others")
    .option("--drop-invalid-packets [bool]", "drop packets of no known connection")
    .option("--iptables-logs [bool]", "have the kernel log what meets the rules")
    .option("--disable-comments [bool]", "rules without comments; they cannot be taken away again by this program")
    .option("--iptables-executables <name:path>", "programs to use, such as iptables:/usr/sbin/iptables, between commas")
    .option("--wait <seconds>", `how long iptables waits for its lock (${wait})`)
    .option("--wait-interval <microseconds>", "between its attempts")
    .option("--max-retries <n>", `how often to try again (${retry.maxRetries})`)
    .option("--sleep-between-retries <duration>", `after how long (${retry.sleepBetweenRetries})`)
    .option("--store-firewalld [bool]", "not to be had: keep the rules with firewalld")
    .option("--ebpf-enabled [bool]", "not to be had: redirect by eBPF programs");
  for (const flag of ["instance-ip", "bpffs-path", "cgroup-path", "tc-attach-iface", "programs-source-path"]) {
    command.option(`--ebpf-${flag} <value>`, "as --ebpf-enabled");
  }
  command.action(async (_own: unknown, { parent }: Command) => {
    const flags = command.opts<RedirectFlags>();
    // The program has a flag of that name, which means something else.
    const { configFile } = (parent?.parent?.opts() ?? {}) as { configFile?: string };
    const document = await documentOf(flags["config"] as string | undefined, configFile, io);
    await redirectWith(io, async (report) => {
      if (flags["redirectDns"] && flags["redirectAllDnsTraffic"]) {
        throw new CtlError("only one of '--redirect-dns' or '--redirect-all-dns-traffic' should be specified");
      }
      const config = checked(configOfFlags(ruleFlags(flags), document, process.env));
      requireRoot(machine, config, report);
      if (config.ipFamilyMode === "dualstack" && !config.dryRun) prepareV6(machine, report);
      const rules = await installRedirection(machine, config, report);
      if (config.dryRun) io.out(`${rules}\n`);
    });
  });
  addValidator(install, io);
}

/** `uninstall transparent-proxy`. */
export function addUninstallTransparentProxy(uninstall: Command, io: Io, machine: Machine = thisMachine): void {
  const command = uninstall
    .command("transparent-proxy")
    .description("Take the rules of install transparent-proxy away; needs root")
    .option("--dry-run [bool]", "only print what would be left")
    .option("--verbose [bool]", "say more")
    .option("--ebpf-enabled [bool]", "not to be had")
    .option("--ebpf-bpffs-path <path>", "not to be had");
  command.action(async () => {
    await redirectWith(io, async (report) => {
      const config = checked(configOfFlags(ruleFlags(command.opts<RedirectFlags>()), undefined, {}));
      requireRoot(machine, config, report);
      await removeRedirection(machine, config, report);
      if (!config.dryRun) report.info("traffic is not redirected any more");
    });
  });
}

function addValidator(install: Command, io: Io): void {
  install
    .command("transparent-proxy-validator")
    .description("Fail unless traffic of this machine is redirected to a proxy; to be run as the proxy's user, before the proxy")
    .option("--ip-family-mode <mode>", "dualstack or ipv4", "dualstack")
    .option("--validation-server-port <port>", "where inbound traffic is redirected to", String(redirect.inbound.port))
    .action(async ({ ipFamilyMode, validationServerPort }: { ipFamilyMode: string; validationServerPort: string }) => {
      await redirectWith(io, async (report) => {
        const port = Number(validationServerPort);
        const hasV6 = thisMachine
          .interfaces()
          .some(({ isLoopback, addresses }) => !isLoopback && addresses.some((each) => each.includes(":")));
        const addresses = ["127.0.0.6", ...(readIpFamilyMode(ipFamilyMode) === "dualstack" && hasV6 ? ["::6"] : [])];
        for (const address of addresses) await validateRedirection({ port, address, timeoutMs: 10_000 });
        report.info(`traffic is redirected to port ${port}`);
      });
    });
}

/** Says what is wrong without a trace: people read it in the log of an init container. */
async function redirectWith(io: Io, act: (report: Report) => Promise<void>): Promise<void> {
  const report: Report = { info: (text) => io.err(`# ${text}\n`), warn: (text) => io.err(`# [WARNING] ${text}\n`) };
  try {
    await act(report);
  } catch (error) {
    throw error instanceof TransparentProxyError ? new CtlError(error.message) : error;
  }
}

/** Without those that name the document. */
const ruleFlags = (flags: RedirectFlags): RedirectFlags =>
  Object.fromEntries(Object.entries(flags).filter(([name]) => name !== "config" && name !== "configFile"));

async function documentOf(text: string | undefined, path: string | undefined, io: Io): Promise<string | undefined> {
  if (path === undefined) {
    if (text === "-")
      throw new CtlError("provided value '-' via flag '--config' is invalid; to provide config via stdin, use '--config-file -'");
    return text;
  }
  if (path === "-") return io.input();
  try {
    return readTextFile(path);
  } catch (error) {
    throw new CtlError(`--config-file: ${fileError(path, error)}`);
  }
}

function checked(config: TransparentProxyConfig): TransparentProxyConfig {
  if (config.ebpf.enabled) throw new CtlError("--ebpf-enabled: there are no eBPF programs; without the flag, iptables rules do the same");
  if (config.storeFirewalld)
    throw new CtlError("--store-firewalld: rules are not kept with firewalld; run this command whenever the machine starts");
  return config;
}

function requireRoot(machine: Machine, { dryRun }: TransparentProxyConfig, report: Report): void {
  if (machine.isRoot) return;
  if (!dryRun) throw new CtlError("you need to have root privileges to run this command");
  report.warn("without root, rules may come out differently");
}

function prepareV6(machine: Machine, report: Report): void {
  const hasV6 = machine.interfaces().some(({ isLoopback, addresses }) => !isLoopback && addresses.some((address) => address.includes(":")));
  if (hasV6) addPassthroughAddress(machine, report);
}
