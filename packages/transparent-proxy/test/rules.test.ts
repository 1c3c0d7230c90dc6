import { fileURLToPath } from "node:url";
import { golden } from "@atoll/testkit/golden";
import { describe, expect, test } from "vitest";
import { buildRules, configDocument, defaultConfig, readConfig, withoutRules, type RuleInput } from "../src/index.ts";

interface Case extends Partial<Omit<RuleInput, "config" | "can" | "family">> {
  config?: unknown;
  can?: Partial<RuleInput["can"]>;
  families?: (4 | 6)[];
}

golden(fileURLToPath(new URL("../testdata/rules", import.meta.url)), ({ config, can, families = [4], ...given }: Case) => {
  const abilities = { comments: false, conntrackZones: true, mangle: true, dockerDns: false, ...can };
  const input = { uid: "5678", loopback: "lo", dnsServers: [], ...given, config: readConfig(config), can: abilities };
  return Object.fromEntries(families.map((family) => [`v${family}.rules`, buildRules({ ...input, family })]));
});

describe("a configuration", () => {
  test("is what a document says over the defaults, in the forms that Go reads", () => {
    const config = readConfig({
      kumaDPUser: 1000,
      redirect: { inbound: { port: "2000", excludePorts: "1, 2" }, outbound: { excludePorts: [3, "4"] }, dns: { enabled: true } },
    });
    expect(config.redirect.inbound).toMatchObject({ enabled: true, port: 2000, excludePorts: [1, 2] });
    expect(config.redirect.outbound).toMatchObject({ port: 15_001, excludePorts: [3, 4] });
    expect(config).toMatchObject({ kumaDPUser: "1000", redirect: { dns: { enabled: true, port: 15_053 } } });
  });

  test("that cannot be read says where and why, all at once", () => {
    const faulty = { redirect: { inbound: { port: 0 }, outbound: { prot: 1 } }, wait: -1, ipFamilyMode: "ipv6" };
    expect(() => readConfig(faulty)).toThrow(/redirect\.inbound\.port: value '0' is not a valid port/);
    for (const reason of [/"prot"/, /wait: /, /ipFamilyMode: must be one of 'dualstack' or 'ipv4'/])
      expect(() => readConfig(faulty)).toThrow(reason);
  });

  test("and its document say the same, which leaves out what is off", () => {
    const config = readConfig({
      log: { enabled: true },
      redirect: { vnet: { networks: ["br+:10.0.0.0/8"] }, inbound: { excludePorts: [1] } },
    });
    expect(readConfig(configDocument(config))).toEqual(config);
    expect(Object.keys(configDocument(defaultConfig())).toSorted()).toEqual(
      ["ipFamilyMode", "kumaDPUser", "redirect", "retry", "wait", "waitInterval"].toSorted(),
    );
  });
});

describe("what cannot be excluded", () => {
  const rules = (redirect: object) =>
    buildRules({
      ...{ config: readConfig({ redirect }), family: 4, uid: "0", loopback: "lo", dnsServers: [] },
      can: { comments: false, conntrackZones: false, mangle: false, dockerDns: false },
    });
  test.each([
    ["a3000-5000:1", "invalid port range: validation failed for value or range 'a3000-5000': invalid uint16 value: 'a3000'"],
    ["http:3000-5000:1", "invalid or unsupported protocol: 'http'"],
    ["3000-5000:1:*", "wildcard '*' is not allowed for UIDs"],
    ["3000-5000:1:1,2,3", "invalid UID entry: '1,2,3'. It should either be a single item or a range"],
    ["tcp,http:1:1", "invalid or unsupported protocol: 'http'"],
    ["tcp:1:2:3", "invalid format for excluding ports by UIDs: 'tcp:1:2:3'. Expected format: <protocol:>?<ports:>?<uids>"],
    ["tcp:1:", "invalid UID range: it is empty"],
  ])("%s", (rule, reason) => expect(() => rules({ outbound: { excludePortsForUIDs: [rule] } })).toThrow(reason));

  test("addresses and networks", () => {
    expect(() => rules({ inbound: { excludePortsForIPs: ["10.0.0.1/33"] } })).toThrow("invalid IP address: '10.0.0.1/33'");
    expect(() => rules({ outbound: { excludePortsForIPs: ["a.example"] } })).toThrow("invalid IP address: 'a.example'");
    expect(() => rules({ vnet: { networks: ["docker0"] } })).toThrow("invalid virtual network definition: docker0");
    expect(() => rules({ vnet: { networks: ["docker0:10.0.0.1"] } })).toThrow("invalid CIDR definition for 10.0.0.1");
  });
});

test("rules go without those of others, and only while they can be told apart", () => {
  const others = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j DOCKER\nCOMMIT";
  const ours = '-A PREROUTING -p tcp -m comment --comment "kuma/mesh/transparent/proxy/x" -j KUMA_MESH_INBOUND';
  expect(withoutRules(others)).toBe("none");
  expect(withoutRules(`# by iptables\n${others.replace("COMMIT", `:KUMA_MESH_INBOUND - [0:0]\n${ours}\nCOMMIT`)}`)).toEqual({
    rules: others,
  });
  expect(withoutRules(`${others}\n-A PREROUTING -j KUMA_MESH_INBOUND`)).toBe("not-marked");
});
