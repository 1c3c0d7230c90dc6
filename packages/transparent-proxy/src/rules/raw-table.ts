import * as say from "./parameter.ts";
import { capturedDns, dnsPort, localAddresses, splitsZones, type RuleInput } from "./rule-input.ts";
import { Chain, type Table } from "./table.ts";

/**
 * Where the kernel tracks DNS packets: in zone 2 those between an application and the proxy, in zone 1 those between the proxy and its servers, so
 * that an application with many questions from one port gets none of the proxy's answers.
 */
export function rawTable(input: RuleInput): Table {
  const [prerouting, output] = [new Chain("PREROUTING"), new Chain("OUTPUT")];
  const table: Table = { name: "raw", chains: [prerouting, output], ownChains: [] };
  const captured = capturedDns(input);
  if (captured === undefined || !splitsZones(input)) return table;
  const { uid, family, config } = input;
  const questions = say.udp(say.toPorts(dnsPort));
  const answers = say.udp(say.fromPort(dnsPort));
  output
    .append("questions of the proxy", questions, say.ownedBy(uid), say.inZone(1))
    .append("answers of the proxy", say.udp(say.fromPort(config.redirect.dns.port)), say.ownedBy(uid), say.inZone(2));
  if (captured.all) {
    output.append("questions of applications", questions, say.inZone(2));
    prerouting.append("answers to the proxy", answers, say.inZone(1));
  }
  for (const server of captured.servers) {
    output.append(`questions of applications to ${server}`, say.destination(server), questions, say.inZone(2));
    if (/^127\.|^::1$/.test(server)) {
      output.append(
        "answers of a server on this machine, whose port Docker changes",
        say.source(server),
        say.destination(localAddresses[family].localhost),
        say.udp(),
        say.inZone(1),
      );
    }
    prerouting.append(`answers of ${server} to the proxy`, say.source(server), answers, say.inZone(1));
  }
  return table;
}
