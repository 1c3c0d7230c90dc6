import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pythonTools } from "@atoll/testkit/python-tools";
import { deploy, root } from "./root.ts";
import { hostServiceNames, settingsOf } from "./service-settings.ts";

const path = join(deploy, "container", "Dockerfile");
const text = readFileSync(path, "utf8");

/** Lines of a stage, with what it has of the stage it is made from. */
function stage(name: string): string[] {
  const [, from, lines] = new RegExp(`^FROM (\\S+) AS ${name}\\n([\\s\\S]*?)(?=^FROM |$(?![\\s\\S]))`, "m").exec(text) ?? [];
  if (from === undefined) throw new Error(`there is no stage ${name}`);
  return [...(from.startsWith("$") ? [] : stage(from)), ...lines!.trim().split("\n")];
}

test("hadolint has nothing to say", () => {
  const { status, stdout, stderr } = spawnSync(pythonTools().hadolint, [path], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
}, 180_000);

test.each(hostServiceNames)("the image of %s runs it, as nobody, on the ports it listens on", (service) => {
  const lines = stage(service);
  expect(lines.findLast((line) => line.startsWith("CMD"))).toBe(`CMD ["run", "${service}"]`);
  expect(lines.findLast((line) => line.startsWith("USER"))).toBe("USER 65532:65532");
  const exposed = lines
    .findLast((line) => line.startsWith("EXPOSE"))!
    .split(" ")
    .slice(1)
    .map(Number);
  const settings = settingsOf(service, { env: ["zone", "xds"].includes(service) ? { ATOLL_MULTIZONE_ZONE_NAME: "east" } : {} });
  expect(exposed).toEqual(portsIn(settings));
});

/** Default ports in settings; those of addresses elsewhere are URLs. */
function portsIn(settings: object): number[] {
  const found = new Set<number>();
  const look = (value: unknown, key: string): void => {
    if (typeof value === "number" && /^(port|grpcPort|serverPort)$/.test(key) && value > 1_024) found.add(value);
    else if (typeof value === "object" && value !== null) for (const [name, one] of Object.entries(value)) look(one, name);
  };
  look(settings, "");
  return [...found].sort();
}

test("the image of a proxy has the Envoy that is tested", () => {
  const [, version] = /envoyVersion = "(.+)"/.exec(readFileSync(join(root, "tools/run.mjs"), "utf8"))!;
  expect(text).toContain(`ARG ENVOY_IMAGE=envoyproxy/envoy:distroless-v${version}\n`);
  expect(stage("dp")).toContain("COPY --from=envoy /usr/local/bin/envoy /usr/local/bin/envoy");
});
