import { readAddressExclusions, readNetworks, readUidExclusion } from "../exclusions.ts";
import * as say from "./parameter.ts";
import { capturedDns, chains, dnsPort, localAddresses, type RuleInput } from "./rule-input.ts";
import { Chain, type Table } from "./table.ts";

/** Where TCP and DNS are led to the proxy. */
export function natTable(input: RuleInput): Table {
  const { inbound, outbound } = input.config.redirect;
  return {
    name: "nat",
    chains: [prerouting(input), output(input)],
    ownChains: [
      meshInbound(input),
      meshOutbound(input),
      redirect(chains.inboundRedirect, inbound.port),
      redirect(chains.outboundRedirect, outbound.port),
    ],
  };
}

const redirect = (name: string, port: number): Chain => new Chain(name).append(`to Envoy, port ${port}`, say.tcp(), say.redirectTo(port));

function prerouting({ config, family }: RuleInput): Chain {
  const chain = new Chain("PREROUTING");
  const { inbound, outbound, dns, vnet } = config.redirect;
  if (config.log.enabled) chain.append("log", say.log(chain.name, config.log.level));
  const networks = readNetworks(vnet.networks, family);
  if (networks.length === 0 && !inbound.insertRedirectInsteadOfAppend) {
    return chain.append("what comes in", say.tcp(), say.toChain(chains.inbound));
  }
  for (const { name, cidr } of networks) {
    chain.insert(
      `questions of ${name} to the DNS of the proxy`,
      say.inInterface(name),
      say.match("udp"),
      say.udp(say.toPorts(dnsPort)),
      say.redirectTo(dns.port),
    );
    chain.insert(
      `what leaves ${name} for the outside`,
      say.not(say.destination(cidr)),
      say.inInterface(name),
      say.tcp(),
      say.redirectTo(outbound.port),
    );
  }
  return chain.insert("what comes in", say.tcp(), say.toChain(chains.inbound));
}

function output(input: RuleInput): Chain {
  const { config, family, uid, can } = input;
  const { outbound, dns } = config.redirect;
  const chain = new Chain("OUTPUT");
  if (config.log.enabled) chain.insert("log", say.log(chain.name, config.log.level));
  const exclusions = [
    ...outbound.excludePortsForUIDs.flatMap(readUidExclusion),
    ...readAddressExclusions(outbound.excludePortsForIPs, family),
  ];
  for (const { protocol, ports, uids, address } of exclusions) {
    chain.insert(
      "excluded",
      ...(ports === undefined ? [] : [say.match("multiport")]),
      ...(protocol === undefined || ports === undefined ? [] : [(protocol === "tcp" ? say.tcp : say.udp)(say.toPorts(ports))]),
      ...(uids === undefined ? [] : [say.ownedBy(uids)]),
      ...(address === undefined ? [] : [say.destination(address)]),
      say.pass,
    );
  }
  const captured = capturedDns(input);
  if (captured !== undefined) {
    const questions = say.udp(say.toPorts(dnsPort));
    chain.insert("questions of the proxy itself", questions, say.ownedBy(uid), can.dockerDns ? say.toChain("DOCKER_OUTPUT") : say.pass);
    if (captured.all) chain.insert("questions to the DNS of the proxy", questions, say.redirectTo(dns.port));
    for (const server of captured.servers) {
      chain.insert(`questions to ${server} to the DNS of the proxy`, say.destination(server), questions, say.redirectTo(dns.port));
    }
  }
  const add = outbound.insertRedirectInsteadOfAppend ? "insert" : "append";
  return chain[add]("what goes out", say.tcp(), say.toChain(chains.outbound));
}

function meshInbound({ config, family }: RuleInput): Chain {
  const chain = new Chain(chains.inbound);
  const { enabled, includePorts, excludePorts, excludePortsForIPs } = config.redirect.inbound;
  if (!enabled) return chain.append("nothing that comes in is redirected", say.tcp(), say.pass);
  for (const { address = "" } of readAddressExclusions(excludePortsForIPs, family)) {
    chain.append("excluded", say.source(address), say.pass);
  }
  const redirected = say.toChain(chains.inboundRedirect);
  for (const port of includePorts) {
    chain.append(`port ${port} is redirected`, say.tcp(say.toPorts(port)), redirected);
  }
  if (includePorts.length > 0) return chain;
  for (const port of excludePorts) {
    chain.append(`port ${port} is excluded`, say.tcp(say.toPorts(port)), say.pass);
  }
  return chain.append("all else is redirected", say.tcp(), redirected);
}

function meshOutbound(input: RuleInput): Chain {
  const { config, family, uid, loopback } = input;
  const { enabled, includePorts, excludePorts } = config.redirect.outbound;
  const { dns } = config.redirect;
  const { localhost, passthrough } = localAddresses[family];
  const chain = new Chain(chains.outbound);
  if (!enabled) return chain.append("nothing that goes out is redirected", say.tcp(), say.pass);
  if (includePorts.length === 0) {
    for (const port of excludePorts) {
      chain.append(`port ${port} is excluded`, say.tcp(say.toPorts(port)), say.pass);
    }
  }
  const captured = capturedDns(input);
  const tcp = captured === undefined ? say.tcp() : say.tcp(say.not(say.toPorts(dnsPort)));
  chain
    .append("the proxy calls its application", say.source(passthrough), say.outInterface(loopback), say.pass)
    .append(
      "the proxy calls a service of this machine",
      tcp,
      say.outInterface(loopback),
      say.not(say.destination(localhost)),
      say.ownedBy(uid),
      say.toChain(chains.inboundRedirect),
    )
    .append("applications of this machine call each other", tcp, say.outInterface(loopback), say.notOwnedBy(uid), say.pass)
    .append("the proxy calls others", say.ownedBy(uid), say.pass);
  const questions = say.tcp(say.toPorts(dnsPort));
  if (captured?.all) {
    chain.append("questions to the DNS of the proxy", questions, say.redirectTo(dns.port));
  }
  for (const server of captured?.servers ?? []) {
    chain.append(`questions to ${server} to the DNS of the proxy`, say.destination(server), questions, say.redirectTo(dns.port));
  }
  chain.append("stays on this machine", say.destination(localhost), say.pass);
  const redirected = say.toChain(chains.outboundRedirect);
  for (const port of includePorts) {
    chain.append(`port ${port} is redirected`, say.tcp(say.toPorts(port)), redirected);
  }
  if (includePorts.length > 0) return chain;
  return chain.append("all else is redirected", redirected);
}
