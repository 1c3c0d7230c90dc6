import { version } from "@atoll/runtime/version";
import { Command, CommanderError, Option } from "commander";
import { goArguments } from "../input/go-arguments.ts";
import { InputError } from "../input/input-error.ts";
import { addApply } from "./apply-command.ts";
import { ApiClient } from "./client.ts";
import { addConfig } from "./config-commands.ts";
import { currentApiServer, defaultConfigPath, readConfig } from "./config-file.ts";
import { addExport } from "./export-command.ts";
import { addCertificate } from "./generate-certificate.ts";
import { addKeys } from "./generate-keys.ts";
import { addTokens } from "./generate-tokens.ts";
import { addGet } from "./get-command.ts";
import { addInstall } from "./install/install-command.ts";
import { addInspect } from "./inspect-command.ts";
import { addMigrate } from "./migration/migrate-command.ts";
import { type Io, processIo } from "./io.ts";
import { addRevisions } from "./revision-commands.ts";
import { addRollouts } from "./rollout-commands.ts";
import { addInstallTransparentProxy, addUninstallTransparentProxy } from "./transparent-proxy/transparent-proxy-commands.ts";
import { addSupportBundle } from "./support/support-bundle-command.ts";
import { addTokenLedger } from "./tokens-command.ts";
import { readDuration } from "./wait.ts";
import { addWatch } from "./watch-command.ts";

const examples = `
Examples:
  atollctl config control-planes add --name prod --address http://global:5681
  atollctl apply -f mesh.yaml --wait                              back when every Envoy has it
  atollctl apply -f gateway.yaml --atomic --reason "ticket 12"    several documents, one revision
  atollctl get meshgateways -m default -o yaml
  atollctl inspect dataplanes
  atollctl revisions                                              who changed what, when, why
  atollctl diff 41 42
  atollctl watch --kind MeshGatewayRoute                          every change as it happens
  atollctl apply -f retries.yaml --stages east:10%,east,west       zone by zone, each after the one before took it
  atollctl rollback 41 --reason "42 broke checkout"
  atollctl generate zone-token --zone east --scope cp --valid-for 720h > zone-token`;

/** `atollctl`: kumactl's verbs, and what a log adds to them. */
export function ctlCommand(io: Io = processIo): Command {
  const program = new Command("atollctl")
    .description("Talks to an Atoll control plane")
    .option("--config-file <path>", "known control planes; also kumactl's (~/.atollctl/config, else ~/.kumactl/config)")
    .option("--no-config", "ignore the configuration and talk to http://localhost:5681")
    .option("--address <url>", "talk to this address, whatever the configuration says")
    .option("--api-timeout <duration>", "how long an answer may take; 0 = no limit", "1m0s")
    .addOption(new Option("--log-level <level>", "accepted for compatibility").choices(["off", "info", "debug"]))
    .addHelpText("after", examples)
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(text.replace(/^error:/, "Error:")) })
    .exitOverride();
  const options = () => program.opts<{ configFile?: string; config: boolean; address?: string; apiTimeout: string }>();
  const path = () => options().configFile ?? defaultConfigPath();
  const client = () => {
    const { address, config, apiTimeout } = options();
    const server =
      address !== undefined ? { url: address } : config ? currentApiServer(readConfig(path())) : { url: "http://localhost:5681" };
    return new ApiClient(server, readDuration("api-timeout", apiTimeout));
  };
  addApply(program, client, io);
  addGet(program, client, io);
  const inspect = addInspect(program, client, io);
  addRevisions(program, inspect, client, io);
  addRollouts(program, client, io);
  addWatch(program, client, io);
  addTokenLedger(program, client, io);
  const generate = program.command("generate").description("Generate tokens, signing keys and their public keys");
  addTokens(generate, client, io);
  addKeys(generate, io);
  addCertificate(generate, io);
  addInstallTransparentProxy(addInstall(program, io), io);
  addUninstallTransparentProxy(program.command("uninstall").description("Take away what install made"), io);
  addExport(program, client, io);
  addMigrate(program, client, io);
  addSupportBundle(program, client, io);
  addConfig(program, path, io);
  addVersion(program, client, io);
  showHelpOfGroups(program);
  return program;
}

/** A command that only holds others says which, as an answer and not as an error. */
function showHelpOfGroups(command: Command): void {
  if (command.commands.length === 0) return;
  command.commands.forEach(showHelpOfGroups);
  command.allowExcessArguments().action((_own: unknown, { args }: Command) => {
    if (args.length > 0) throw new InputError(`unknown command '${args[0]}'`);
    command.help();
  });
}

function addVersion(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("version")
    .description("Print the version, and that of the control plane")
    .option("-a, --detailed", "all that both say of themselves")
    .action(async ({ detailed }: { detailed?: true }) => {
      io.out(
        detailed
          ? `Product:       Atoll\nVersion:       ${version.atoll}\nSpeaks:        Kuma ${version.kuma}\n`
          : `Client: Atoll ${version.atoll}\n`,
      );
      try {
        const index = await client().json<Record<string, string>>("GET", "/");
        io.out(detailed ? `Server: ${JSON.stringify(index, null, 3)}\n` : `Server: ${index["product"]} ${index["version"]}\n`);
      } catch (error) {
        io.err(`Unable to connect to control plane: ${(error as Error).message}\n`);
      }
    });
}

/** Runs the command line and answers its exit status; a failure says what the control plane said. */
export async function runCtl(argv: readonly string[], io: Io = processIo): Promise<number> {
  try {
    const program = ctlCommand(io);
    await program.parseAsync(goArguments(program, argv), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof InputError)) throw error;
    io.err(`Error: ${error.message}\n`);
    return 1;
  }
}
