import { generateKeyPairSync, createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";

/** `generate`: tokens from the control plane, keys without it. */
export function addGenerate(program: Command, client: () => ApiClient): void {
  const generate = program.command("generate").description("Generate tokens, signing keys and their public keys");
  const print = (token: string) => process.stdout.write(token.endsWith("\n") ? token : `${token}\n`);

  generate
    .command("dataplane-token")
    .description("Token that lets a dataplane connect: one of this name, or any with these tags, or any of the mesh")
    .option("--name <name>", "only for this dataplane")
    .option("-m, --mesh <mesh>", "mesh of the dataplane", "default")
    .option("--tag <key=value...>", "only for dataplanes with these tag values, such as kuma.io/service=orders", collect)
    .option("--proxy-type <type>", "dataplane, ingress or egress; zone proxies better use a zone token")
    .requiredOption("--valid-for <duration>", "how long it is valid, such as 24h")
    .action(async (flags: { name?: string; mesh: string; tag?: string[]; proxyType?: string; validFor: string }) => {
      const tags: Record<string, string[]> = {};
      for (const one of flags.tag ?? []) {
        const at = one.indexOf("=");
        if (at < 1) throw new CtlError(`--tag: "${one}" is not of the form key=value`);
        (tags[one.slice(0, at)] ??= []).push(...one.slice(at + 1).split(","));
      }
      print(
        await client().text("POST", "/tokens/dataplane", {
          name: flags.name ?? "",
          mesh: flags.mesh,
          tags,
          type: flags.proxyType ?? "",
          validFor: flags.validFor,
        }),
      );
    });
  generate
    .command("zone-token")
    .description("Token that lets zone proxies (scopes ingress, egress) or a zone's own services (scope cp) connect")
    .requiredOption("--zone <zone>", "the zone")
    .option("--scope <scope...>", "ingress, egress, cp (ingress and egress)", collect)
    .requiredOption("--valid-for <duration>", "how long it is valid, such as 720h")
    .action(async (flags: { zone: string; scope?: string[]; validFor: string }) => {
      const scope = (flags.scope ?? []).flatMap((one) => one.split(","));
      print(
        await client().text("POST", "/tokens/zone", {
          zone: flags.zone,
          scope: scope.length === 0 ? ["ingress", "egress"] : scope,
          validFor: flags.validFor,
        }),
      );
    });
  generate
    .command("user-token")
    .description("Token that identifies a user of the REST API; group mesh-system:admin makes an admin")
    .requiredOption("--name <name>", "name of the user")
    .option("--group <group...>", "groups of the user", collect)
    .requiredOption("--valid-for <duration>", "how long it is valid, such as 24h")
    .action(async (flags: { name: string; group?: string[]; validFor: string }) => {
      print(
        await client().text("POST", "/tokens/user", {
          name: flags.name,
          groups: (flags.group ?? []).flatMap((one) => one.split(",")),
          validFor: flags.validFor,
        }),
      );
    });
  generate
    .command("signing-key")
    .description("RSA key to sign tokens with: the data of a Secret or GlobalSecret ...-signing-key-<serial>")
    .option("--format <format>", "pem, or pem-base64 to paste into a Secret", "pem-base64")
    .action((flags: { format: string }) => {
      const pem = generateKeyPairSync("rsa", {
        modulusLength: 2048,
        publicKeyEncoding: { type: "pkcs1", format: "pem" },
        privateKeyEncoding: { type: "pkcs1", format: "pem" },
      }).privateKey;
      if (flags.format !== "pem" && flags.format !== "pem-base64")
        throw new CtlError(`--format: "${flags.format}" is not one of pem, pem-base64`);
      process.stdout.write(flags.format === "pem" ? pem : Buffer.from(pem).toString("base64"));
    });
  generate
    .command("public-key")
    .description("Public half of a signing key, to verify tokens that were signed offline")
    .requiredOption("--signing-key-path <path>", "PEM file of the signing key")
    .action((flags: { signingKeyPath: string }) => {
      process.stdout.write(
        createPublicKey(createPrivateKey(readFileSync(flags.signingKeyPath))).export({ type: "pkcs1", format: "pem" }) as string,
      );
    });
  generate
    .command("sealing-key")
    .description("A line for global.key or zone.key, which secrets in the log are sealed with")
    .option("--file <path>", "write it here, readable by its owner only")
    .action((flags: { file?: string }) => {
      const key = `${crypto.getRandomValues(Buffer.alloc(32)).toString("base64")}\n`;
      if (flags.file === undefined) process.stdout.write(key);
      else writeFileSync(flags.file, key, { mode: 0o600, flag: "wx" });
    });
}

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];
