import { durationMs } from "@atoll/resource";
import { describe, expect, test } from "vitest";
import {
  dataplaneTokenAllows,
  formatGoDuration,
  parseTokenRequest,
  renderTokenRequest,
  zoneTokenAllows,
  type AuthorisedDataplane,
} from "./index.ts";

const body = (value: unknown): string => JSON.stringify(value);
const violations = (kind: "dataplane" | "zone" | "user", value: unknown): string[] => {
  const parsed = parseTokenRequest(kind, body(value));
  return parsed.ok || parsed.malformed
    ? [String(parsed.ok ? "ok" : parsed.reason)]
    : parsed.violations.map(({ field, reason }) => `${field}: ${reason}`);
};

describe("requests", () => {
  test("complete ones, keys in any case, unknown ones ignored", () => {
    expect(
      parseTokenRequest("dataplane", body({ NAME: "dp", mesh: "m", tags: { a: ["1"] }, type: "dataplane", validfor: "24h0m0s", x: 1 })),
    ).toEqual({
      ok: true,
      request: { claims: { name: "dp", mesh: "m", tags: { a: ["1"] }, type: "dataplane" }, validForMs: 86_400_000 },
    });
    expect(parseTokenRequest("zone", body({ zone: "z", scope: ["moon"], validFor: "720h0m0s" }))).toEqual({
      ok: true,
      request: { claims: { zone: "z", scope: ["moon"] }, validForMs: 2_592_000_000 },
    });
    expect(parseTokenRequest("user", body({ name: "u", groups: null, validFor: "1h" }))).toEqual({
      ok: true,
      request: { claims: { name: "u", groups: [] }, validForMs: 3_600_000 },
    });
  });

  test("no validFor is ten years, except for users", () => {
    for (const [kind, value] of [
      ["dataplane", { mesh: "m" }],
      ["zone", { scope: ["ingress"] }],
    ] as const) {
      const parsed = parseTokenRequest(kind, body(value));
      expect(parsed.ok && parsed.request.validForMs).toBe(315_360_000_000);
    }
    expect(violations("user", { name: "u" })).toEqual(["validFor: cannot be empty"]);
    expect(violations("user", { name: "u", validFor: "0s" })).toEqual(["validFor: cannot be empty or nil"]);
    expect(violations("user", { name: "u", validFor: "x" })).toEqual([
      'validFor: is invalid: time: invalid duration "x"',
      "validFor: cannot be empty or nil",
    ]);
  });

  test("every violation is reported", () => {
    expect(violations("dataplane", { type: "robot", validFor: "soon" })).toEqual([
      "mesh: cannot be empty",
      'validFor: is invalid: time: invalid duration "soon"',
      "type: robot is not a valid proxy type",
    ]);
    expect(violations("zone", { validFor: "1d" })).toEqual([
      "scope: cannot be empty",
      'validFor: is invalid: time: unknown unit "d" in duration "1d"',
    ]);
    expect(violations("zone", { scope: ["cp"], validFor: "1constructor" })).toEqual([
      'validFor: is invalid: time: unknown unit "constructor" in duration "1constructor"',
    ]);
    expect(violations("user", { validFor: "1h" })).toEqual(["name: cannot be empty"]);
  });

  test("malformed bodies", () => {
    for (const text of ["", "{", "[]", "null", '"x"', body({ mesh: 5 }), body({ tags: { a: "1" } }), body({ tags: [] })]) {
      expect([text, parseTokenRequest("dataplane", text)]).toEqual([text, expect.objectContaining({ ok: false, malformed: true })]);
    }
  });
});

test("Go durations are printed as Go prints them", () => {
  const texts: [number, string][] = [
    [86_400_000, "24h0m0s"],
    [90_000, "1m30s"],
    [1_500, "1.5s"],
    [59_999, "59.999s"],
    [250, "250ms"],
    [0.25, "250µs"],
    [0, "0s"],
    [-60_000, "-1m0s"],
  ];
  for (const [ms, text] of texts) {
    expect(formatGoDuration(ms)).toBe(text);
    expect(durationMs(text)).toBe(ms);
  }
});

test("a request rendered and read again is the same", () => {
  const dataplane = { claims: { name: "d", mesh: "m", tags: { a: ["1", "2"] }, type: "" }, validForMs: 5_400_000.5 };
  expect(parseTokenRequest("dataplane", renderTokenRequest<"dataplane">(dataplane))).toEqual({ ok: true, request: dataplane });
  const zone = { claims: { zone: "", scope: ["cp"] }, validForMs: -1_000 };
  expect(parseTokenRequest("zone", renderTokenRequest<"zone">(zone))).toEqual({ ok: true, request: zone });
});

describe("what a token allows", () => {
  const dataplane: AuthorisedDataplane = {
    mesh: "default",
    name: "dp-1",
    spec: {
      networking: {
        inbound: [{ tags: { "kuma.io/service": "web", version: "1" } }, { tags: { "kuma.io/service": "api" } }],
        gateway: { tags: { region: "eu" } },
      },
    },
  };
  const claims = (part: object) => ({ name: "", mesh: "", tags: {}, type: "", ...part });
  const verdict = (part: object): string => {
    const permission = dataplaneTokenAllows(claims(part), dataplane);
    return permission.allowed ? "allowed" : permission.reason;
  };

  test.each([
    [{}, "allowed"],
    [{ name: "dp-1", mesh: "default", type: "ingress" }, "allowed"],
    [{ name: "dp-2" }, 'the token is for dataplane "dp-2", not "dp-1"'],
    [{ mesh: "other" }, 'the token is for mesh "other", not "default"'],
    [{ tags: { "kuma.io/service": ["api", "web", "more"] } }, "allowed"],
    [{ tags: { "kuma.io/service": ["web"] } }, 'the token allows tag "kuma.io/service" with "web", not "api"'],
    [{ tags: { version: ["1"] } }, "allowed"],
    [{ tags: { region: ["eu"] } }, "allowed"],
    [{ tags: { team: ["x"] } }, 'the token requires tag "team", which the dataplane does not have'],
    [{ tags: { constructor: ["x"] } }, 'the token requires tag "constructor", which the dataplane does not have'],
  ])("dataplane %j", (part, expected) => expect(verdict(part)).toBe(expected));

  test("zones and scopes", () => {
    const allows = (zone: string, scope: string[], wanted: "ingress" | "egress" | "cp") => {
      const permission = zoneTokenAllows({ zone, scope }, { zone: "east", scope: wanted });
      return permission.allowed ? "allowed" : permission.reason;
    };
    expect(allows("east", ["egress"], "egress")).toBe("allowed");
    expect(allows("", ["cp"], "cp")).toBe("allowed");
    expect(allows("west", ["egress"], "egress")).toBe('the token is for zone "west", not "east"');
    expect(allows("east", ["ingress", "egress"], "cp")).toBe('the token\'s scope is "ingress", "egress"; "cp" is needed');
  });
});
