import { describe, expect, test } from "vitest";
import { bandwidthKbps } from "./policies/fault-injection.ts";
import {
  bestMatch,
  candidatesForDestinations,
  chooseDataplanePolicy,
  chooseForDestinations,
  chooseInboundPolicy,
  compareRanks,
  dataplanePolicies,
  dataplanePolicyCandidates,
  documentedRules,
  firstMatch,
  gatewayChooser,
  inboundPolicies,
  inboundPoliciesCandidates,
  inboundPolicyCandidates,
  kumaTagsRegex,
  matchesTags,
  outboundChooser,
  rankOf,
  renderKumaTags,
} from "./index.ts";
import type { ConnectionPolicy, Tags } from "./index.ts";

const service = "kuma.io/service";

function policy(name: string, sources: Tags[], destinations: Tags[], creationTime = "2026-01-01T00:00:00Z"): ConnectionPolicy {
  return {
    name,
    creationTime,
    spec: { sources: sources.map((match) => ({ match })), destinations: destinations.map((match) => ({ match })) },
  };
}

describe("selectors", () => {
  const web = { [service]: "web", version: "v1" };
  test.each<[string, Tags, boolean]>([
    ["empty matches all", {}, true],
    ["equal tag", { [service]: "web" }, true],
    ["other value", { [service]: "api" }, false],
    ["wildcard needs the key", { region: "*" }, false],
    ["wildcard takes any value", { version: "*" }, true],
    ["one of two tags wrong", { [service]: "web", version: "v2" }, false],
  ])("%s", (_, match, expected) => expect(matchesTags(match, web)).toBe(expected));

  test("more tags beat more exact ones", () => {
    expect(compareRanks(rankOf({ a: "*", b: "*" }), rankOf({ a: "1" }))).toBeGreaterThan(0);
    expect(compareRanks(rankOf({ a: "1" }), rankOf({ a: "*" }))).toBeGreaterThan(0);
    expect(compareRanks(rankOf({ a: "1" }), rankOf({ b: "2" }))).toBe(0);
  });

  test("first and best selector differ", () => {
    const selectors = [{ match: { [service]: "*" } }, { match: web }];
    expect(firstMatch(selectors, web)).toEqual({ exact: 0, wildcard: 1 });
    expect(bestMatch(selectors, [web])).toEqual({ exact: 2, wildcard: 0 });
    expect(bestMatch(selectors, [{ other: "x" }])).toBeUndefined();
  });
});

describe("outbound policies", () => {
  const web: Tags[] = [{ [service]: "web", version: "v1" }, { [service]: "web-admin" }];
  const choose = (policies: ConnectionPolicy[], destination: string, rules = undefined as typeof documentedRules | undefined) =>
    outboundChooser(policies, web, rules)(destination)?.name;

  test("the highest rank of source and destination together wins", () => {
    const policies = [
      policy("all", [{ [service]: "*" }], [{ [service]: "*" }]),
      policy("to-api", [{ [service]: "*" }], [{ [service]: "api" }]),
      policy("from-web", [{ [service]: "web", version: "v1" }], [{ [service]: "*" }]),
    ];
    expect(choose(policies, "api")).toBe("from-web");
    expect(choose(policies.slice(0, 2), "api")).toBe("to-api");
    expect(choose(policies.slice(0, 2), "db")).toBe("all");
  });

  test("destinations with other tags than the service match nothing", () => {
    expect(choose([policy("v1", [{ [service]: "*" }], [{ [service]: "api", version: "v1" }])], "api")).toBeUndefined();
  });

  test("any inbound makes the source", () => {
    expect(choose([policy("admin", [{ [service]: "web-admin" }], [{ [service]: "*" }])], "api")).toBe("admin");
  });

  test("equal rank: newest as recorded, oldest as documented, then by name", () => {
    const old = policy("z-old", [{ [service]: "*" }], [{ [service]: "*" }], "2026-01-01T00:00:00Z");
    const young = policy("y-young", [{ [service]: "*" }], [{ [service]: "*" }], "2026-01-01T00:00:00.500Z");
    const twin = policy("a-twin", [{ [service]: "*" }], [{ [service]: "*" }], "2026-01-01T00:00:00.500Z");
    expect(choose([old, young], "api")).toBe("y-young");
    expect(choose([old, young, twin], "api")).toBe("a-twin");
    expect(choose([old, young, twin], "api", documentedRules)).toBe("z-old");
  });
});

describe("inbound policies", () => {
  const api = { [service]: "api", "kuma.io/protocol": "http", version: "v1" };

  test("a permission is chosen by destination alone", () => {
    const all = policy("all", [{ [service]: "*" }], [{ [service]: "*" }]);
    const narrow = policy("narrow", [{ [service]: "nobody" }], [{ [service]: "api" }]);
    expect(chooseInboundPolicy([all, narrow], api)?.name).toBe("narrow");
    expect(chooseInboundPolicy([all], { region: "eu" })).toBeUndefined();
  });

  test("all that match, ordered by their first source selector", () => {
    const wide = policy("wide", [{ [service]: "*" }, { [service]: "a", team: "x", zone: "y" }], [{ [service]: "*" }]);
    const exact = policy("exact", [{ [service]: "a" }], [{ [service]: "api" }], "2020-01-01T00:00:00Z");
    const elsewhere = policy("elsewhere", [{ [service]: "a" }], [{ [service]: "db" }]);
    expect(inboundPolicies([elsewhere, wide, exact], api).map(({ name }) => name)).toEqual(["exact", "wide"]);
  });
});

test("dataplane policies: no selectors match with rank 0, ties go to the newest", () => {
  const on = (name: string, selectors: Tags[], creationTime = "2026-01-01T00:00:00Z") => ({
    name,
    creationTime,
    spec: { selectors: selectors.map((match) => ({ match })) },
  });
  const policies = [on("none", []), on("old", [{ [service]: "*" }]), on("new", [{ [service]: "*" }], "2026-01-02T00:00:00Z")];
  expect(chooseDataplanePolicy(policies, [{ [service]: "web" }])?.name).toBe("new");
  expect(chooseDataplanePolicy(policies, [{ region: "eu" }])?.name).toBe("none");
  expect(dataplanePolicies(policies, [{ [service]: "web" }]).map(({ name }) => name)).toEqual(["new", "old", "none"]);
});

describe("builtin gateway", () => {
  const listener = { [service]: "edge", port: "http-8080" };

  test("the first matching source selector ranks, not the best", () => {
    const first = policy("first", [{ [service]: "*" }, { [service]: "edge", port: "http-8080" }], [{ [service]: "*" }]);
    const exact = policy("exact", [{ [service]: "edge" }], [{ [service]: "*" }]);
    expect(gatewayChooser([first, exact], listener)({ [service]: "api" })?.name).toBe("exact");
  });

  test("destinations are matched with all their tags", () => {
    const v1 = policy("v1", [{ [service]: "edge" }], [{ [service]: "api", version: "v1" }]);
    const choose = gatewayChooser([v1], listener);
    expect(choose({ [service]: "api", version: "v1" })?.name).toBe("v1");
    expect(choose({ [service]: "api" })).toBeUndefined();
  });

  test("several destinations: wildcard policies first, then the oldest", () => {
    const a = policy("a", [{ [service]: "edge" }], [{ [service]: "a" }], "2026-01-03T00:00:00Z");
    const b = policy("b", [{ [service]: "edge" }], [{ [service]: "b" }], "2026-01-02T00:00:00Z");
    const all = policy("all", [{ [service]: "*" }], [{ [service]: "*" }], "2026-01-04T00:00:00Z");
    const destinations = [{ [service]: "a" }, { [service]: "b" }, { [service]: "c" }];
    expect(chooseForDestinations(destinations, gatewayChooser([a, b, all], listener))?.name).toBe("all");
    expect(chooseForDestinations(destinations.slice(0, 2), gatewayChooser([a, b, all], listener))?.name).toBe("b");
    expect(chooseForDestinations([], gatewayChooser([all], listener))).toBeUndefined();
  });
});

describe("what became of each policy", () => {
  const told = (candidates: { policy: { name: string }; verdict: string }[]) =>
    candidates.map(({ policy: { name }, verdict }) => [name, verdict]);
  const any = [{ [service]: "*" }];
  const api = [{ [service]: "api" }];
  const old = policy("old", any, api, "2026-01-01T00:00:00Z");
  const young = policy("young", any, api, "2026-01-02T00:00:00Z");
  const twin = policy("zwilling", any, api, "2026-01-02T00:00:00Z");
  const wide = policy("wide", any, any);
  const other = policy("other", [{ [service]: "db" }], api);
  const elsewhere = policy("elsewhere", any, [{ [service]: "db" }]);
  const all = [wide, old, young, twin, other, elsewhere];

  test("of an outbound", () => {
    const choose = outboundChooser(all, [{ [service]: "web" }]);
    expect(told(choose.candidates("api"))).toEqual([
      ["young", "chosen"],
      ["zwilling", "laterName"],
      ["old", "older"],
      ["wide", "lessExact"],
      ["other", "sourcesDoNotMatch"],
      ["elsewhere", "destinationsDoNotMatch"],
    ]);
    expect(choose("api")?.name).toBe("young");
    expect(told(choose.candidates("cache")).at(0)).toEqual(["wide", "chosen"]);
  });

  test("of several destinations of a gateway's route: the winner is the one that is chosen, the others say what they lost by", () => {
    const choose = gatewayChooser(all, { [service]: "edge" });
    const destinations = [{ [service]: "api" }, { [service]: "cache" }];
    const candidates = candidatesForDestinations(destinations, choose);
    expect(chooseForDestinations(destinations, choose)?.name).toBe("wide");
    expect(told(candidates)).toEqual([
      ["wide", "chosen"],
      ["old", "anyServiceFirst"],
      ["young", "newer"],
      ["zwilling", "newer"],
      ["other", "sourcesDoNotMatch"],
      ["elsewhere", "destinationsDoNotMatch"],
    ]);
  });

  test("of inbounds and dataplanes", () => {
    expect(told(inboundPolicyCandidates([wide, old, elsewhere], api[0]!))).toEqual([
      ["old", "chosen"],
      ["wide", "lessExact"],
      ["elsewhere", "destinationsDoNotMatch"],
    ]);
    expect(told(inboundPoliciesCandidates([wide, elsewhere], api[0]!))).toEqual([
      ["wide", "acts"],
      ["elsewhere", "destinationsDoNotMatch"],
    ]);
    const on = (name: string, match: Tags) => ({ name, creationTime: old.creationTime, spec: { selectors: [{ match }] } });
    expect(told(dataplanePolicyCandidates([on("b", any[0]!), on("a", any[0]!), on("c", { region: "eu" })], api))).toEqual([
      ["a", "chosen"],
      ["b", "laterName"],
      ["c", "selectorsDoNotMatch"],
    ]);
  });
});

describe("x-kuma-tags", () => {
  const header = renderKumaTags([
    { [service]: "web", version: "v1" },
    { [service]: "web-admin", version: "v1" },
  ]);
  test("rendering", () => expect(header).toBe("&kuma.io/service=web,web-admin&&version=v1&"));

  test.each<[string, Tags[], boolean]>([
    ["one value", [{ [service]: "web" }], true],
    ["second value", [{ [service]: "web-admin" }], true],
    ["wildcard", [{ [service]: "*" }], true],
    ["two tags", [{ [service]: "web", version: "v1" }], true],
    ["second selector", [{ [service]: "db" }, { version: "v1" }], true],
    ["other value", [{ [service]: "db" }], false],
    ["missing tag", [{ region: "*" }], false],
    ["a dot is a dot", [{ "kumaxio/service": "web" }], false],
  ])("regex: %s", (_, sources, expected) => {
    const regex = kumaTagsRegex(sources.map((match) => ({ match })));
    expect(new RegExp(`^(?:${regex})$`).test(header)).toBe(expected);
  });

  test("regex as Kuma writes it", () => {
    expect(kumaTagsRegex([{ match: { [service]: "a.b", team: "*" } }])).toBe(".*&kuma\\.io/service=[^&]*a\\.b[,&].*&team=.*");
  });
});

test.each<[string, number | undefined]>([
  ["50 kbps", 50],
  ["50mbps", 50_000],
  ["2 Gbps", 2_000_000],
  ["fast", undefined],
])("bandwidth %s", (limit, expected) => expect(bandwidthKbps(limit)).toBe(expected));
