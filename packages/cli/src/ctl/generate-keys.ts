import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { fileError } from "@atoll/yaml";
import { CtlError } from "./ctl-error.ts";
import { requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";

/** Keys that are made here, without a control plane. */
export function addKeys(generate: Command, io: Io): void {
  generate
    .command("signing-key")
    .description("RSA key to sign tokens with: the data of a Secret or GlobalSecret ...-signing-key-<serial>")
    .option("--format <format>", "pem, or pem-base64 to paste into a Secret", "pem-base64")
    .action(({ format }: { format: string }) => {
      if (format !== "pem" && format !== "pem-base64") throw new CtlError("invalid format");
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const pem = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
      io.out(format === "pem" ? pem : Buffer.from(pem).toString("base64"));
    });
  generate
    .command("public-key")
    .description("Public half of a signing key, to verify tokens that were signed offline")
    .option("--signing-key-path <path>", "PEM file of the signing key (required)")
    .action((flags: { signingKeyPath: string }) => {
      requireFlags({ ...flags }, "signing-key-path");
      io.out(createPublicKey(readPrivateKey(flags.signingKeyPath)).export({ type: "pkcs1", format: "pem" }) as string);
    });
  generate
    .command("sealing-key")
    .description("A line for global.key or zone.key, which secrets in the log are sealed with")
    .option("--file <path>", "write it here, readable by its owner only")
    .action(({ file }: { file?: string }) => {
      const key = `${crypto.getRandomValues(Buffer.alloc(32)).toString("base64")}\n`;
      if (file === undefined) io.out(key);
      else writeFileSync(file, key, { mode: 0o600, flag: "wx" });
    });
}

function readPrivateKey(path: string): KeyObject {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new CtlError(`could not read a signing key file: ${fileError(path, error)}`);
  }
  try {
    return createPrivateKey(bytes);
  } catch {
    throw new CtlError("provided file is not a PEM-encoded signing key");
  }
}
