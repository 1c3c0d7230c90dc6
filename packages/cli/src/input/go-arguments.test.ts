import { Command } from "commander";
import { expect, test } from "vitest";
import { goArguments } from "./go-arguments.ts";

function program(): Command {
  const root = new Command("ctl").option("--log-level <level>").option("--no-config");
  const get = root.command("get");
  get.command("meshes").option("-m, --mesh <mesh>").option("--all").option("--dns [bool]");
  root.command("apply").option("-f, --file <path>").option("--dry-run");
  return root;
}

test.each([
  ["--mesh demo get meshes", "get meshes --mesh demo"],
  ["--log-level debug get -m demo meshes", "get meshes --log-level debug -m demo"],
  ["get --mesh=demo meshes", "get meshes --mesh=demo"],
  ["--no-config get meshes --all", "get meshes --no-config --all"],
  ["apply -f=get", "apply -f get"],
  ["-f get apply", "apply -f get"],
  ["apply -f -", "apply -f -"],
  ["apply --dry-run=false -f x", "apply -f x"],
  ["apply --dry-run=1 -f x", "apply --dry-run -f x"],
  ["get meshes --dns=false", "get meshes --dns=false"],
  ["get -- meshes", "get -- meshes"],
  ["get nothing", "get nothing"],
])("%s", (given, read) => {
  expect(goArguments(program(), given.split(" ")).join(" ")).toBe(read);
});

test("a truth value that is none is refused", () => {
  expect(() => goArguments(program(), ["apply", "--dry-run=maybe"])).toThrow('invalid argument "maybe" for "--dry-run" flag');
});
