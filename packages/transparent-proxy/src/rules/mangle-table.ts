import * as say from "./parameter.ts";
import type { RuleInput } from "./rule-input.ts";
import { Chain, type Table } from "./table.ts";

/** Where packets are dropped that the kernel cannot place: they would reach the application past the proxy, and end the connection. */
export function mangleTable({ config, can }: RuleInput): Table {
  const chain = new Chain("PREROUTING");
  if (config.dropInvalidPackets && can.mangle) {
    chain.append("of no known connection", say.invalidState, say.drop);
  }
  return { name: "mangle", chains: [chain], ownChains: [] };
}
