import { Command } from "commander";
import { version } from "@atoll/runtime/version";
import { ApiClient } from "./client.ts";
import { addConfig } from "./config-commands.ts";
import { currentApiServer, defaultConfigPath, readConfig } from "./config-file.ts";
import { CtlError } from "./ctl-error.ts";
import { addGenerate } from "./generate.ts";
import { addInspect } from "./inspect.ts";
import { addResourceCommands } from "./resources-commands.ts";

/** `atollctl`: kumactl's verbs, and what a log adds to them. */
export function ctlCommand(): Command {
  const program = new Command("atollctl")
    .description("Talks to an Atoll control plane")
    .option("--config-file <path>", "known control planes; also kumactl's (~/.atollctl/config, else ~/.kumactl/config)")
    .option("--no-config", "ignore the configuration and talk to http://localhost:5681")
    .option("--address <url>", "talk to this address, whatever the configuration says")
    .option("--api-timeout <duration>", "accepted for compatibility")
    .option("--log-level <level>", "accepted for compatibility")
    .addHelpText(
      "after",
      `
Examples:
  atollctl config control-planes add --name prod --address http://global:5681
  atollctl apply -f mesh.yaml --show-revision
  atollctl apply -f gateway.yaml --atomic --reason "ticket 12"    several documents, one revision
  atollctl get meshgateways -m default -o yaml
  atollctl inspect dataplanes
  atollctl inspect revisions                                      who changed what, when, why
  atollctl generate zone-token --zone east --scope cp --valid-for 720h > zone-token`,
    );
  const options = () => program.opts<{ configFile?: string; config: boolean; address?: string }>();
  const path = () => options().configFile ?? defaultConfigPath();
  const client = () => {
    if (options().address !== undefined) return new ApiClient({ url: options().address! });
    return new ApiClient(options().config ? currentApiServer(readConfig(path())) : { url: "http://localhost:5681" });
  };
  addConfig(program, path);
  addResourceCommands(program, client);
  addInspect(program, client);
  addGenerate(program, client);
  program
    .command("version")
    .description("Print the version, and that of the control plane")
    .option("-a, --detailed", "also what the control plane says of itself", false)
    .action(async (flags: { detailed: boolean }) => {
      console.log(`Client: atollctl ${version.atoll} (Kuma ${version.kuma})`);
      const index = await client().json<{ product: string; version: string; instanceId: string }>("GET", "/");
      console.log(`Control Plane: ${index.product} ${index.version}${flags.detailed ? ` (${index.instanceId})` : ""}`);
    });
  return program;
}

/** Runs the command line; a failure ends with status 1 and says what the control plane said. */
export async function runCtl(argv: readonly string[]): Promise<void> {
  try {
    await ctlCommand().parseAsync(argv as string[]);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    console.error(`Error: ${error.message}`);
    process.exitCode = 1;
  }
}
