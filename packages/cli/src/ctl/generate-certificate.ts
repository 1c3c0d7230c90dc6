import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { CtlError } from "./ctl-error.ts";
import { listed, requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";

interface CertificateFlags {
  type?: string;
  hostname?: string[];
  keyType: string;
  keyFile: string;
  certFile: string;
}

const usages = { server: "serverAuth", client: "clientAuth" } as const;

/** A self-signed pair for a listener of the control plane, or for a client of one. */
export function addCertificate(generate: Command, io: Io): void {
  generate
    .command("tls-certificate")
    .description("Self-signed certificate and its key, for the control plane's listeners")
    .option("--type <type>", "type of the certificate: client or server (required)")
    .option("--hostname <names>", "host names and addresses to issue the certificate for (required)", listed("--hostname"))
    .option("--key-type <type>", "type of the private key: rsa or ecdsa", "rsa")
    .option("--key-file <path>", "file for the private key, - for standard output", "key.pem")
    .option("--cert-file <path>", "file for the certificate, - for standard output", "cert.pem")
    .action(async (flags: CertificateFlags) => {
      requireFlags({ ...flags }, "hostname", "type");
      const usage = Object.entries(usages).find(([name]) => name === flags.type)?.[1];
      if (usage === undefined) throw new CtlError(`invalid certificate type ${JSON.stringify(flags.type)}`);
      // Takes longer to load than most commands to run.
      const { createSelfSignedCertificate, generateEcKey, generateRsaKey } = await import("@atoll/certificate");
      const keyPair = Object.entries({ rsa: () => generateRsaKey(), ecdsa: generateEcKey }).find(([name]) => name === flags.keyType)?.[1];
      if (keyPair === undefined) throw new CtlError(`invalid key type ${JSON.stringify(flags.keyType)}`);
      const names = flags.hostname ?? [];
      const pair = await createSelfSignedCertificate({ subject: "", keyPair, usage, names, nowMs: io.now().getTime() });
      await put(io, flags.keyFile, pair.keyPem, { what: "key", mode: 0o400 });
      await put(io, flags.certFile, pair.certPem, { what: "cert", mode: 0o600 });
      if (flags.keyFile !== "-" && flags.certFile !== "-") {
        io.out(`Private key saved in ${flags.keyFile}\nCertificate saved in ${flags.certFile}\n`);
      }
    });
}

async function put(io: Io, path: string, pem: string, { what, mode }: { what: string; mode: number }): Promise<void> {
  if (path === "-") {
    io.out(pem);
    return;
  }
  try {
    await writeFile(path, pem, { mode });
  } catch (error) {
    throw new CtlError(`could not write the ${what} file: ${(error as Error).message}`);
  }
}
