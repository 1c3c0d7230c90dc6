import { mangleTable } from "./mangle-table.ts";
import { natTable } from "./nat-table.ts";
import { rawTable } from "./raw-table.ts";
import { commentPrefix, type RuleInput } from "./rule-input.ts";
import { tableText } from "./table.ts";

/** All rules of one family, as `iptables-restore --noflush` reads them. @throws TransparentProxyError for what cannot be said in rules */
export function buildRules(input: RuleInput): string {
  const { config, can } = input;
  const style = { verbose: config.verbose, commentPrefix: can.comments && !config.comments.disabled ? commentPrefix : undefined };
  const texts = [rawTable(input), natTable(input), mangleTable(input)].flatMap((table) => tableText(table, style) ?? []);
  return `${texts.join(config.verbose ? "\n\n" : "\n")}\n`;
}

/** Rules as `iptables-save` shows them without those that were made here; undefined if none was. Only a comment makes sure that a rule is ours. */
export function withoutRules(saved: string): { rules: string } | "none" | "not-marked" {
  const isMarked = saved.includes(commentPrefix);
  if (!isMarked) return saved.includes("KUMA_MESH") ? "not-marked" : "none";
  const kept = saved.split("\n").filter((line) => !line.startsWith("#") && !line.includes(commentPrefix) && !line.includes("KUMA_MESH"));
  return { rules: kept.join("\n") };
}
