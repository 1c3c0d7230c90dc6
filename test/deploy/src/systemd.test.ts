import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { describe, expect, test } from "vitest";
import { deploy, root } from "./root.ts";
import { hostServiceNames } from "./service-settings.ts";

const folder = join(deploy, "systemd");
const units = readdirSync(folder).sort();
const read = (unit: string) => readFileSync(join(folder, unit), "utf8");
const value = (unit: string, key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(read(unit))?.[1];

test("there is a unit for each service, and one for proxies", () => {
  expect(units).toEqual([...hostServiceNames.map((name) => `atoll-${name}.service`), "atoll-dp@.service"].sort());
});

test.each(hostServiceNames)("atoll-%s.service keeps its state where systemd makes a folder for it, and is no root", (service) => {
  const unit = `atoll-${service}.service`;
  expect(value(unit, "Environment")).toBe(`ATOLL_GENERAL_WORK_DIR=/var/lib/${value(unit, "StateDirectory")}`);
  expect(value(unit, "ExecStart")).toMatch(
    new RegExp(` /opt/atoll/build/atoll.js run ${service} --config-file /etc/atoll/${service}.yaml$`),
  );
  expect(value(unit, "User")).toBe("atoll");
  expect(value(unit, "NoNewPrivileges")).toBe("yes");
});

const missing = spawnSync("systemd-analyze", ["--version"]).status !== 0;

describe.skipIf(missing)("systemd-analyze", () => {
  test("finds nothing wrong", () => {
    using copies = scratchFolder();
    // It looks whether the command is there: the project's own Node stands for the machine's.
    const node = join(root, "node_modules/node/bin/node");
    for (const unit of units) writeFileSync(join(copies.path, unit), read(unit).replaceAll("/usr/bin/node", node));
    const paths = units.map((unit) => join(copies.path, unit.replace("@.", "@orders-1.")));
    writeFileSync(
      paths.find((path) => path.includes("@"))!,
      read("atoll-dp@.service").replaceAll("/usr/bin/node", node),
    );
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...paths], { encoding: "utf8" });
    const about = stderr.split("\n").filter((line) => line.includes("atoll"));
    expect({ status, about }).toEqual({ status: 0, about: [] });
  });
});
