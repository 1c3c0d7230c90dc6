import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { deploy, root } from "./root.ts";
import { serviceNames, settingsOf, type ServiceName } from "./service-settings.ts";

interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string; target: string };
  environment?: Record<string, string | number>;
  depends_on?: Record<string, { condition: string }>;
  networks?: { default: { aliases: string[] } };
  volumes?: string[];
  healthcheck?: object;
  network_mode?: string;
}

const folder = join(deploy, "compose");
const { services, volumes } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
};
const ours = Object.entries(services).flatMap(([name, service]) => {
  const target = service.build?.target as ServiceName;
  return serviceNames.includes(target) ? [{ name, service, target, env: textual(service.environment) }] : [];
});

function textual(environment: ComposeService["environment"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));
}

test("global twice over Kafka, the token issuer, and two zones with a Redis each", () => {
  expect(ours.map(({ name, target }) => `${name} ${target}`)).toEqual([
    "global-1 global",
    "global-2 global",
    "tokens tokens",
    "zone-east zone",
    "xds-east xds",
    "zone-west zone",
    "xds-west xds",
  ]);
  const image = (name: string) => services[name]!.image;
  expect([image("kafka"), image("redis-east"), image("redis-west")]).toEqual(["apache/kafka:4.1.0", "redis:8-alpine", "redis:8-alpine"]);
});

test.each(ours)("$name starts with its environment, and every setting has an effect", ({ target, env, service }) => {
  settingsOf(target, { env });
  // Paths lie where something is mounted, names are those of other services.
  const mounts = (service.volumes ?? []).map((volume) => volume.split(":")[1]!);
  const names = new Set(Object.entries(services).flatMap(([name, one]) => [name, ...(one.networks?.default.aliases ?? [])]));
  for (const value of Object.values(env)) {
    if (value.startsWith("/") && value !== "/var/lib/atoll") expect(mounts.some((mount) => value.startsWith(mount))).toBe(true);
    const [, host] = /^(?:\w+:\/\/)?([\w-]+):\d+$/.exec(value) ?? [];
    if (host !== undefined) expect([...names]).toContain(host);
  }
});

test("nobody waits in a circle, and whoever is waited for can say that it is there", () => {
  const waits = (name: string, path: string[]): void => {
    expect(path).not.toContain(name);
    for (const [other, { condition }] of Object.entries(services[name]!.depends_on ?? {})) {
      const { image, healthcheck } = services[other]!;
      // Images of our own have a health check.
      if (condition === "service_healthy" && image !== undefined) expect(healthcheck).toBeDefined();
      waits(other, [...path, name]);
    }
  };
  for (const name of Object.keys(services)) waits(name, []);
  const named = Object.values(services).flatMap((service) => (service.volumes ?? []).map((volume) => volume.split(":")[0]!));
  expect([...new Set(named.filter((name) => !name.startsWith(".")))].sort()).toEqual(Object.keys(volumes).sort());
});

test("the first start makes keys and certificates for the names in use, and leaves them as they are", () => {
  using keys = scratchFolder();
  const run = () =>
    execFileSync("sh", [join(folder, "keys.sh"), keys.path], {
      env: { ...process.env, ATOLLCTL: join(root, "bin/atollctl") },
      stdio: ["ignore", "ignore", "pipe"],
    });
  run();
  const names = (certificate: string) => new X509Certificate(readFileSync(join(keys.path, certificate))).subjectAltName!;
  expect(names("global.crt")).toContain("DNS:global,");
  for (const zone of ["east", "west"]) expect(names(`zone-${zone}.crt`)).toMatch(new RegExp(`DNS:zone-${zone}, DNS:xds-${zone}`));
  const files = ["global/global.key", "global/zone.key", "global.pem", "global.crt", "zone-east.pem"];
  const contents = () => files.map((file) => readFileSync(join(keys.path, file), "utf8"));
  const before = contents();
  run();
  expect(contents()).toEqual(before);
  expect(statSync(join(keys.path, "global/global.key")).mode & 0o777).toBe(0o600);
});
