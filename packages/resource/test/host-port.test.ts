import { expect, test } from "vitest";
import { bracketed, canonicalHost, dialAddress, hostAndPort, loopbackBeside, peerAddress } from "../src/index.ts";

test.each([
  ["10.0.0.1", "10.0.0.1:80"],
  ["cp.example", "cp.example:80"],
  ["::1", "[::1]:80"],
  ["2001:db8::7", "[2001:db8::7]:80"],
])("%s and a port are %s", (host, text) => expect([hostAndPort(host, 80), `${bracketed(host)}:80`]).toEqual([text, text]));

test.each([
  ["::1", "::1"],
  ["[::1]", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["2001:DB8:0::0:7", "2001:db8::7"],
  ["::ffff:127.0.0.1", "::ffff:7f00:1"],
  ["fe80::1%eth0", "fe80::1%eth0"],
  ["127.0.0.1", "127.0.0.1"],
  ["CP.Example", "cp.example"],
])("%s is %s", (host, canonical) => expect(canonicalHost(host)).toBe(canonical));

test("what listens everywhere is dialled at the loopback of its family, all else where it is", () => {
  expect(["0.0.0.0", "::", "10.0.0.1", "2001:db8::7"].map(dialAddress)).toEqual(["127.0.0.1", "::1", "10.0.0.1", "2001:db8::7"]);
  expect(["10.0.0.1", "web.internal", "2001:db8::7", ""].map(loopbackBeside)).toEqual(["127.0.0.1", "127.0.0.1", "::1", "127.0.0.1"]);
});

test.each([
  ["::ffff:127.0.0.2", "127.0.0.2"],
  ["::FFFF:10.0.0.1", "10.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["::ffff:7f00:1", "::ffff:7f00:1"],
  ["2001:db8::ffff:1", "2001:db8::ffff:1"],
  [undefined, undefined],
])("the peer at %s is shown as %s", (address, shown) => expect(peerAddress(address)).toBe(shown));
