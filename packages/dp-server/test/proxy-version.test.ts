import { expect, test } from "vitest";
import { isCompatible, proxyVersion } from "../src/proxy-version.ts";

test("what a proxy says of its version is shown in the order of the message, and whether its launcher fits", () => {
  const shown = proxyVersion(
    {
      version: {
        envoy: { kumaDpCompatible: true, build: "abc", version: "1.40.0" },
        kumaDp: { gitCommit: "0", version: "2.10.11", gitTag: "2.10.11", buildDate: "today", other: 1 },
        dependencies: { coredns: "1.9" },
      },
      dynamicMetadata: { "version.dependencies.otel": "0.1", team: "a" },
    },
    "2.10.11",
  );
  expect(JSON.stringify(shown)).toBe(
    JSON.stringify({
      kumaDp: { version: "2.10.11", gitTag: "2.10.11", gitCommit: "0", buildDate: "today", kumaCpCompatible: true },
      envoy: { version: "1.40.0", build: "abc", kumaDpCompatible: true },
      dependencies: { coredns: "1.9", otel: "0.1" },
    }),
  );
  expect(proxyVersion({ version: { kumaDp: { version: "2.13.0" }, envoy: { version: "1.40.0" } } }, "2.10.11")).toEqual({
    kumaDp: { version: "2.13.0" },
    envoy: { version: "1.40.0" },
  });
  expect(proxyVersion({}, "2.10.11")).toBeUndefined();
});

test.for([
  ["2.10.11", "2.8.0", true],
  ["2.10.11", "2.12.4", true],
  ["2.10.11", "2.7.9", false],
  ["2.10.11", "2.13.0", false],
  ["2.10.11", "1.10.0", false],
  ["2.10.11", "2.10.0-rc1", false],
  ["2.10.11", "0.0.0-preview.v1", true],
  ["2.10.11", "development", true],
] as const)("%s with a launcher of %s: %s", ([own, other, fits]) => {
  expect(isCompatible(own, other)).toBe(fits);
});
