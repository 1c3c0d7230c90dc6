import { expect, test } from "vitest";
import { keyValues, splitValues } from "./flag-values.ts";

// What the flags of kumactl 2.10.11 and kuma-dp make of each.
test.each([
  [["a=1"], { a: "1" }],
  [["a=1,b=2"], { a: "1", b: "2" }],
  [["a=1,2"], { a: "1,2" }],
  [["a=1,b"], { a: "1,b" }],
  [['"a=1,2",b=3'], { a: "1,2", b: "3" }],
  [['"a=1""2",b=3'], { a: '1"2', b: "3" }],
  [['a=1,"b=2"'], { a: "1", b: "2" }],
  [["a=x=y"], { a: "x=y" }],
  [["a=http://x?y=z"], { a: "http://x?y=z" }],
  [['"a=1"'], { a: "1" }],
  [['a="x"'], { a: '"x' }],
  [["a='1,2'"], { a: "'1,2'" }],
  [["a="], { a: "" }],
  [["a=1", "b=2"], { a: "1", b: "2" }],
  [["a=1", "a=2"], { a: "2" }],
  [["a=1, b=2"], { a: "1", " b": "2" }],
  [["a=1,b=2\nc=3"], { a: "1", b: "2" }],
])("%j", (texts, values) => {
  expect(keyValues(texts, "--var")).toEqual(values);
});

test.each([
  ["a", 'invalid argument "a" for "--var" flag: a must be formatted as key=value'],
  ["", 'invalid argument "" for "--var" flag:  must be formatted as key=value'],
  ["a=1,2,b=3", 'invalid argument "a=1,2,b=3" for "--var" flag: 2 must be formatted as key=value'],
  ['a="1,2",b=3', 'flag: bare " at column 3: put the whole value in quotes'],
  ['"a=1,b=2', 'flag: the value that begins at column 1 has a " that is not closed, or text after it'],
  ['"a=1"x,b=2', "flag: the value that begins at column 1"],
])("%j is refused", (text, message) => {
  expect(() => keyValues([text], "--var")).toThrow(message);
});

test("a list is split at commas outside of quotes", () => {
  expect(splitValues('a,"b,c",,d', "--group")).toEqual(["a", "b,c", "", "d"]);
});
