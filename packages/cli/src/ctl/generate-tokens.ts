import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { issueToken, readSigningKey, type ClaimsByKind, type TokenKind } from "@atoll/token";
import { Option, type Command } from "commander";
import { keyValues } from "../input/flag-values.ts";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { listed, repeated, requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { readDuration } from "./wait.ts";

interface TokenFlags {
  validFor: string;
  signingKeyPath?: string;
  kid?: string;
}

/** `ingress` and `egress` are of proxies; `cp` of a zone's own services. */
const zoneScopes = ["ingress", "egress", "cp"] as const;

/** `generate ...-token`: from the control plane, or signed here with a key of one's own. */
export function addTokens(generate: Command, client: () => ApiClient, io: Io): void {
  const command = (name: string, about: string) =>
    generate
      .command(name)
      .description(about)
      .option("--valid-for <duration>", "how long it is valid, such as 24h (required)")
      .option("--signing-key-path <path>", "sign with this key instead of asking the control plane")
      .option("--kid <id>", "id of that key");
  const issue = async <K extends TokenKind>(kind: K, claims: ClaimsByKind[K], flags: TokenFlags, request: () => object) => {
    if (flags.signingKeyPath === undefined && flags.kid !== undefined)
      throw new CtlError("--kid cannot be used when --signing-key-path is used");
    io.out(
      flags.signingKeyPath === undefined
        ? await client().text("POST", `/tokens/${kind}`, { body: { ...request(), validFor: flags.validFor } })
        : await signHere(kind, claims, flags, io),
    );
  };

  interface DataplaneFlags extends TokenFlags {
    name?: string;
    mesh: string;
    tag?: string[];
    proxyType?: string;
    type?: string;
  }
  command("dataplane-token", "Token that lets a dataplane connect: one of this name, or any with these tags, or any of the mesh")
    .option("--name <name>", "only for this dataplane")
    .option("-m, --mesh <mesh>", "mesh of the dataplane", "default")
    .option("--tag <key=value>", "only for dataplanes with these tag values, such as kuma.io/service=orders", repeated)
    .option("--proxy-type <type>", "dataplane, ingress or egress; zone proxies better use a zone token")
    .addOption(new Option("--type <type>", "older name of --proxy-type").hideHelp())
    .action((flags: DataplaneFlags) => {
      requireFlags({ ...flags }, "valid-for");
      readDuration("valid-for", flags.validFor);
      const { name = "", mesh, proxyType = flags.type ?? "" } = flags;
      const tags = Object.fromEntries(Object.entries(keyValues(flags.tag ?? [], "--tag")).map(([key, value]) => [key, value.split(",")]));
      return issue("dataplane", { name, mesh, tags, type: proxyType }, flags, () => ({ name, mesh, tags, type: proxyType }));
    });

  interface ZoneFlags extends TokenFlags {
    zone: string;
    scope?: string[];
  }
  command("zone-token", "Token that lets zone proxies (scopes ingress, egress) or a zone's own services (scope cp) connect")
    .option("--zone <zone>", "the zone (required)")
    .option("--scope <scope>", "ingress, egress, cp (ingress and egress)", listed("--scope"))
    .action((flags: ZoneFlags) => {
      requireFlags({ ...flags }, "zone", "valid-for");
      readDuration("valid-for", flags.validFor);
      const { zone, scope = ["ingress", "egress"] } = flags;
      const odd = scope.filter((each) => !zoneScopes.includes(each as "cp"));
      if (odd.length > 0) throw new CtlError(`invalid --scope values: [${odd.join(" ")}] (supported scopes: [${zoneScopes.join(" ")}])`);
      return issue("zone", { zone, scope }, flags, () => ({ zone, scope }));
    });

  interface UserFlags extends TokenFlags {
    name: string;
    group?: string[];
  }
  command("user-token", "Token that identifies a user of the REST API; group mesh-system:admin makes an admin")
    .option("--name <name>", "name of the user (required)")
    .option("--group <group>", "groups of the user", listed("--group"))
    .action((flags: UserFlags) => {
      requireFlags({ ...flags }, "name", "valid-for");
      readDuration("valid-for", flags.validFor);
      const { name, group = [] } = flags;
      return issue("user", { name, groups: group }, flags, () => ({ name, groups: group }));
    });
}

function signHere<K extends TokenKind>(kind: K, claims: ClaimsByKind[K], flags: TokenFlags, io: Io): Promise<string> {
  const { kid, signingKeyPath, validFor } = flags;
  if (kid === undefined) throw new CtlError("--kid is required when --signing-key-path is used");
  let privateKey;
  try {
    privateKey = readSigningKey(readFileSync(signingKeyPath!));
  } catch (error) {
    throw new CtlError(`could not read a signing key file: ${(error as Error).message}`);
  }
  const nowMs = io.now().getTime();
  return issueToken({ kind, claims, key: { kid, privateKey }, jti: randomUUID(), nowMs, validForMs: readDuration("valid-for", validFor) });
}
