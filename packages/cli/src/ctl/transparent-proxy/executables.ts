import { TransparentProxyError, type ExecutableName, type MachineAbilities, type TransparentProxyConfig } from "@atoll/transparent-proxy";
import type { Machine, Ran } from "./machine.ts";

type Mode = "nft" | "legacy";

/** The three programs of one family and one mode. */
export interface Executables {
  readonly mode: Mode | undefined;
  readonly iptables: string;
  readonly save: string;
  readonly restore: string;
}

const names = { 4: "iptables", 6: "ip6tables" } as const;
const parts = { iptables: "", save: "-save", restore: "-restore" } as const;
type Part = keyof typeof parts;

/**
 * The programs that make rules: those that are named, else nftables' where they are, else the kernel's older ones; those of the two that somebody has
 * rules in already go first. Undefined if there are none.
 */
export function findExecutables(machine: Machine, family: 4 | 6, { iptablesExecutables }: TransparentProxyConfig): Executables | undefined {
  const named = namedExecutables(machine, family, iptablesExecutables);
  if (named !== undefined) return named;
  const [nft, legacy] = (["nft", "legacy"] as const).map((mode) => ofMode(machine, family, mode));
  if (nft === undefined || legacy === undefined) return nft ?? legacy;
  return !hasRules(machine, nft) && hasRules(machine, legacy) ? legacy : nft;
}

function namedExecutables(machine: Machine, family: 4 | 6, given: Partial<Record<ExecutableName, string>>): Executables | undefined {
  const paths = Object.fromEntries(
    Object.entries(parts).map(([part, ending]) => [part, given[`${names[family]}${ending}` as ExecutableName]]),
  ) as Record<Part, string | undefined>;
  const { iptables, save, restore } = paths;
  if (iptables === undefined && save === undefined && restore === undefined) return undefined;
  if (iptables === undefined || save === undefined || restore === undefined) {
    const all = Object.values(parts).map((ending) => `'${names[family]}${ending}'`);
    throw new TransparentProxyError(`--iptables-executables: ${all.join(", ")} must all be specified together`);
  }
  for (const path of [iptables, save, restore]) {
    if (machine.find(path) === undefined)
      throw new TransparentProxyError(`--iptables-executables: specified path '${path}' does not exist`);
  }
  return { mode: modeOf(machine, iptables), iptables, save, restore };
}

function ofMode(machine: Machine, family: 4 | 6, mode: Mode): Executables | undefined {
  const found = Object.entries(parts).map(([part, ending]) => {
    const candidates = [`${names[family]}-${mode}${ending}`, `${names[family]}${ending}`].flatMap((name) => machine.find(name) ?? []);
    return [part, candidates.find((path) => modeOf(machine, path) === mode)] as const;
  });
  if (found.some(([, path]) => path === undefined)) return undefined;
  return { mode, ...(Object.fromEntries(found) as Record<Part, string>) };
}

function modeOf(machine: Machine, path: string): Mode | undefined {
  const { status, stdout, stderr } = machine.run(path, ["--version"]);
  // The oldest ones do not know the question.
  if (/unrecognized option '--version'/.test(stderr)) return "legacy";
  const [, flavour] = /^ip6?tables[\w-]*? v[0-9.]+(?: \((.*?)\))?/m.exec(stdout) ?? [];
  if (status !== 0 || !/^ip6?tables/m.test(stdout)) return undefined;
  return flavour === "nf_tables" ? "nft" : "legacy";
}

/** Lines of a table in which nobody has any rule. */
const emptyTables = { nat: 4, raw: 2, mangle: 5 } as const;

const hasRules = (machine: Machine, { save }: Executables): boolean =>
  Object.entries(emptyTables).some(([table, lines]) => {
    const { status, stdout } = machine.run(save, ["-t", table]);
    const rules = stdout.split("\n").filter((line) => line.trim() !== "" && !/^(#|\*|COMMIT)/.test(line));
    return status === 0 && rules.length > lines;
  });

/** What rules may use. @throws TransparentProxyError if the least is missing */
export function abilitiesOf(machine: Machine, { iptables, save }: Executables): MachineAbilities {
  const knows = (match: string): boolean => machine.run(iptables, ["-m", match, "-h"]).status === 0;
  const table = (name: string): Ran => machine.run(save, ["-t", name]);
  const nat = table("nat");
  const [tcp, udp, owner] = ["tcp", "udp", "owner"].map(knows);
  const missing = [...(nat.status === 0 ? [] : ['table "nat"']), ...(tcp ? [] : ['module "tcp"']), ...(owner ? [] : ['module "owner"'])];
  if (missing.length > 0) throw new TransparentProxyError(`${iptables}: unmet minimal requirements: missing ${missing.join(", ")}`);
  return {
    comments: knows("comment"),
    conntrackZones: table("raw").status === 0 && knows("conntrack") && udp === true,
    mangle: table("mangle").status === 0,
    dockerDns: /^:DOCKER_OUTPUT/m.test(nat.stdout),
  };
}

/** Of a machine that was not asked: the plainest rules. */
export const noAbilities: MachineAbilities = { comments: false, conntrackZones: false, mangle: false, dockerDns: false };
