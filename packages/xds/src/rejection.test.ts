import { expect, it } from "vitest";
import { blamedNames, halves } from "./rejection.ts";

const sent = ["web", "web-2", "inbound:127.0.0.1:8", "inbound:127.0.0.1:80"];

it.each([
  ["Error adding/updating listener(s) web: address in use\n", ["web"]],
  [
    "Error adding/updating listener(s) inbound:127.0.0.1:80: address in use\nweb-2: malformed IP address\n",
    ["web-2", "inbound:127.0.0.1:80"],
  ],
  ["Error adding/updating cluster(s) web: bad, web-2: worse", ["web", "web-2"]],
  ["Error adding/updating cluster(s) unknown: like web: but not it", []],
  ["Proto constraint validation failed: web: value is required", []],
  ["", []],
])("%s", (message, expected) => {
  expect(blamedNames(message, sent)).toEqual(expected);
});

it("halves a list without losing any of it", () => {
  expect(halves([1, 2, 3])).toEqual([[1, 2], [3]]);
});
