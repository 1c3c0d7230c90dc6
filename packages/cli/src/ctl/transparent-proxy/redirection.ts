import { durationMs } from "@atoll/resource";
import {
  buildRules,
  commentPrefix,
  defaultProxyUser,
  familyOf,
  TransparentProxyError,
  withoutRules,
  type TransparentProxyConfig,
} from "@atoll/transparent-proxy";
import { abilitiesOf, findExecutables, noAbilities, type Executables } from "./executables.ts";
import type { Machine } from "./machine.ts";

/** Says what it does, for whoever reads the log of an init container. */
export interface Report {
  info(text: string): void;
  warn(text: string): void;
}

interface Family {
  readonly family: 4 | 6;
  readonly executables: Executables | undefined;
}

const familyNames = { 4: "IPv4", 6: "IPv6" } as const;

/** Makes the rules in place of those of an earlier run, or with `dryRun` only shows them. @throws TransparentProxyError */
export async function installRedirection(machine: Machine, config: TransparentProxyConfig, report: Report): Promise<string> {
  const uid = proxyUid(machine, config);
  const families = familiesOf(machine, config, report);
  const rules = families.map(({ family, executables }) => rulesOf(machine, config, { family, executables, uid }, report));
  if (config.dryRun) return rules.flatMap((text, index) => [`### ${familyNames[families[index]!.family]} ###`, text.trim()]).join("\n\n");
  for (const each of families) await cleanUp(machine, config, each, report);
  for (const [index, { family, executables }] of families.entries()) {
    report.info(`${familyNames[family]}: making these rules with ${executables!.restore}:\n${rules[index]!.trim()}`);
    await restore(machine, config, executables!, ["--noflush"], rules[index]!, report);
  }
  report.info("traffic is redirected to the proxy");
  return rules.join("");
}

/** Takes the rules away again; without any, nothing happens. With `dryRun` shows what would be left. @throws TransparentProxyError */
export async function removeRedirection(machine: Machine, config: TransparentProxyConfig, report: Report): Promise<void> {
  for (const each of familiesOf(machine, config, report)) await cleanUp(machine, config, each, report);
}

function familiesOf(machine: Machine, config: TransparentProxyConfig, report: Report): Family[] {
  const v4 = findExecutables(machine, 4, config);
  if (v4 === undefined && !config.dryRun)
    throw new TransparentProxyError("neither iptables-nft nor iptables-legacy is there, with -save and -restore");
  if (v4 === undefined) report.warn("there is no iptables here: rules may come out differently where there is one");
  const families: Family[] = [{ family: 4, executables: v4 }];
  if (config.ipFamilyMode === "ipv4") return families;
  const withoutV6 = (reason: string): Family[] => {
    if (config.verbose) report.warn(`IPv6 is not redirected: ${reason}`);
    return families;
  };
  const addresses = machine.interfaces().flatMap((each) => (each.isLoopback ? [] : each.addresses));
  if (!addresses.some((address) => familyOf(address) === 6)) return withoutV6("this machine has no address of it");
  const v6 = findExecutables(machine, 6, config);
  if (v6 === undefined && !config.dryRun) return withoutV6("there is no ip6tables here");
  return [...families, { family: 6, executables: v6 }];
}

function rulesOf(
  machine: Machine,
  config: TransparentProxyConfig,
  { family, executables, uid }: Family & { uid: string },
  report: Report,
): string {
  const can = executables === undefined ? noAbilities : abilitiesOf(machine, executables);
  const { dns } = config.redirect;
  const dnsServers = dns.enabled && !dns.captureAll ? dnsServersOf(machine, dns.resolvConfigPath, family) : [];
  if (dns.enabled && !dns.captureAll && dnsServers.length === 0)
    report.warn(`no ${familyNames[family]} servers in ${dns.resolvConfigPath}: its questions are not redirected`);
  if ((dns.enabled || dns.captureAll) && !dns.skipConntrackZoneSplit) {
    if (!can.conntrackZones) report.warn("conntrack zone splitting is disabled. This requires the 'conntrack' iptables module");
    else if (can.dockerDns && dns.captureAll) report.warn("conntrack zones are not split: Docker answers DNS in this container");
  }
  const loopback = machine.interfaces().find(({ isLoopback }) => isLoopback)?.name ?? "lo";
  return buildRules({ config, family, uid, loopback, dnsServers, can });
}

function dnsServersOf(machine: Machine, path: string, family: 4 | 6): string[] {
  const text = machine.read(path);
  if (text === undefined) throw new TransparentProxyError(`unable to read file ${path}`);
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server = ""]) => server).filter((server) => familyOf(server) === family);
}

/** @throws TransparentProxyError if there is no such user, or none of the usual ones */
function proxyUid(machine: Machine, { kumaDPUser, cniMode }: TransparentProxyConfig): string {
  const users = new Map(
    (machine.read("/etc/passwd") ?? "").split("\n").flatMap((line) => {
      const [name, , id] = line.split(":");
      return name && id ? [[name, id] as const] : [];
    }),
  );
  if (kumaDPUser !== "") {
    // A number is one without a name, too: in containers there is often none.
    const uid = /^\d+$/.test(kumaDPUser) ? kumaDPUser : users.get(kumaDPUser);
    if (uid === undefined) {
      throw new TransparentProxyError(`the specified UID or username ('${kumaDPUser}') does not refer to a valid user on the host`);
    }
    return uid;
  }
  const { uid, name } = defaultProxyUser;
  const found = cniMode || [...users.values()].includes(uid) ? uid : (users.get(name) ?? users.get("atoll-dp"));
  if (found === undefined) {
    throw new TransparentProxyError(
      `no UID or username provided, and user with the default UID ('${uid}') or username ('${name}') could not be found`,
    );
  }
  return found;
}

async function cleanUp(machine: Machine, config: TransparentProxyConfig, { family, executables }: Family, report: Report): Promise<void> {
  if (executables === undefined) return;
  const { status, stdout, stderr } = machine.run(executables.save, []);
  if (status !== 0) throw new TransparentProxyError(`${executables.save}: ${stderr.trim()}`);
  const left = withoutRules(stdout);
  if (left === "none") return;
  if (left === "not-marked") {
    throw new TransparentProxyError(
      `${familyNames[family]}: there are chains of a transparent proxy whose rules have no comment "${commentPrefix}": remove them by hand`,
    );
  }
  const tested = machine.run(executables.restore, ["--test"], left.rules);
  if (tested.status !== 0) throw new TransparentProxyError(`${executables.restore} --test: ${tested.stderr.trim()}`);
  if (config.dryRun) report.info(`${familyNames[family]}: what would be left:\n${left.rules.trim()}`);
  else {
    report.info(`${familyNames[family]}: removing the rules of an earlier run`);
    await restore(machine, config, executables, [], left.rules, report);
  }
}

/** Whoever else changes rules at the moment is waited for. @throws TransparentProxyError with the last reason */
async function restore(
  machine: Machine,
  config: TransparentProxyConfig,
  { mode, restore: path }: Executables,
  args: readonly string[],
  rules: string,
  report: Report,
): Promise<void> {
  const { wait, waitInterval, retry } = config;
  const waits =
    mode === "legacy" ? [...(wait > 0 ? [`--wait=${wait}`] : []), ...(waitInterval > 0 ? [`--wait-interval=${waitInterval}`] : [])] : [];
  for (let attempt = 0; ; attempt += 1) {
    const { status, stderr } = machine.run(path, [...waits, ...args], rules);
    if (status === 0) return;
    if (attempt >= retry.maxRetries) throw new TransparentProxyError(`${path} failed: ${stderr.trim()}`);
    report.warn(`${path}: ${stderr.trim()}; trying again in ${retry.sleepBetweenRetries}`);
    await machine.wait(durationMs(retry.sleepBetweenRetries));
  }
}

/** `::6`, from which the proxy calls its application, has to be an address of the machine. */
export function addPassthroughAddress(machine: Machine, report: Report): void {
  const ip = machine.find("ip");
  const ran = ip === undefined ? undefined : machine.run(ip, ["-6", "addr", "add", "::6/128", "dev", "lo"]);
  if (ran?.status === 0 || /exists/i.test(ran?.stderr ?? "")) return;
  report.warn(
    `::6 could not be made an address of lo (${ran?.stderr.trim() ?? "there is no ip command"}): applications are not called over IPv6`,
  );
}
