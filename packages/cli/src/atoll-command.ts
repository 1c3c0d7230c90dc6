import { Command } from "commander";
import {
  createLogger,
  loadSettings,
  runUntilSignal,
  settingsNotices,
  SettingsError,
  version,
  type Logger,
  type SettingsNotices,
} from "@atoll/runtime";
import type { z } from "zod";
import { addReplayCommand } from "./replay-command.ts";

interface ServiceEntry {
  about: string;
  load(): Promise<{ settings: z.ZodObject; start(settings: never, log: Logger): Promise<{ close(): Promise<void> }> }>;
}

/** What every service has. */
interface CommonSettings {
  log: { level: string };
  diagnostics: { serverPort: number };
}

/** Loaded only when run, so that each process holds what it needs and no more. */
const services: Record<string, ServiceEntry> = {
  global: {
    about: "configuration of all meshes: REST API (5681), registration of zones and log relay (5685)",
    load: async () => {
      const { globalSettings, startGlobal } = await import("@atoll/service-global");
      return { settings: globalSettings, start: startGlobal as never };
    },
  },
  zone: {
    about: "a zone's sync service: mirrors the configuration, REST API (5681), relay for its xDS servers (5686)",
    load: async () => {
      const { startZone, zoneSettings } = await import("@atoll/service-zone");
      return { settings: zoneSettings, start: startZone as never };
    },
  },
  xds: {
    about: "what a zone's proxies connect to: bootstrap and ADS (5678)",
    load: async () => {
      const { startXds, xdsSettings } = await import("@atoll/service-xds");
      return { settings: xdsSettings, start: startXds as never };
    },
  },
  kubernetes: {
    about: "joins a Kubernetes cluster to a zone or to global: objects, pods, webhooks (5443); any number of replicas",
    load: async () => {
      const { kubernetesSettings, startKubernetes } = await import("@atoll/service-kubernetes");
      return { settings: kubernetesSettings, start: startKubernetes as never };
    },
  },
  tokens: {
    about: "issues zone, dataplane and user tokens (5684); needs the key files of global",
    load: async () => {
      const { startTokensProcess, tokensSettings } = await import("@atoll/service-tokens");
      return { settings: tokensSettings, start: startTokensProcess as never };
    },
  },
};

/** `atoll`: runs the services. */
export function atollCommand(): Command {
  const program = new Command("atoll").description("A global/zone control plane for Envoy over an event log");
  program
    .command("run <service>")
    .description("Run a service until SIGTERM or Ctrl-C. Logs are JSON lines on stderr")
    .option("-c, --config-file <path>", "settings as YAML, also the file of a kuma-cp; what has no effect is named in the log")
    .option("--with <services>", "more services in the same process, separated by commas; needs diagnostics.serverPort 0")
    .addHelpText(
      "after",
      `
Services:
${Object.entries(services)
  .map(([name, one]) => `  ${name.padEnd(10)} ${one.about}`)
  .join("\n")}

Settings: defaults, then the file, then KUMA_<NAME>, then ATOLL_<NAME>. The variable of apiServer.http.port is
ATOLL_API_SERVER_HTTP_PORT. docs/operating.md lists all of them.

Examples:
  atoll run global
  ATOLL_DIAGNOSTICS_SERVER_PORT=5679 atoll run tokens    two processes of one machine need two diagnostics ports
  atoll run zone -c east.yaml
  ATOLL_DIAGNOSTICS_SERVER_PORT=0 atoll run zone --with xds -c east.yaml`,
    )
    .action(async (name: string, flags: { configFile?: string; with?: string }) => {
      const names = [name, ...(flags.with?.split(",") ?? [])];
      for (const one of names)
        if (!(one in services)) throw new SettingsError(`there is no service "${one}": choose from ${Object.keys(services).join(", ")}`);
      const loaded = await Promise.all(names.map((one) => services[one]!.load()));
      const notices = settingsNotices(
        loaded.map((one) => one.settings),
        await allSettings(),
        { file: flags.configFile, env: process.env },
      );
      const starts = loaded.map(({ settings, start }, index) => {
        const values = loadSettings(settings, { file: flags.configFile, env: process.env }) as unknown as CommonSettings;
        // One process, one setting: the services beside the first take the ports that follow.
        if (values.diagnostics.serverPort > 0) values.diagnostics.serverPort += index;
        const log = createLogger(names[index]!, values.log.level);
        if (index > 0) log.info({ diagnostics: values.diagnostics.serverPort }, `runs in the process of ${name}`);
        return { log, start: () => start(values as never, log) };
      });
      warn(notices, starts[0]!.log);
      await runUntilSignal(starts[0]!.log, async () => {
        const running: { close(): Promise<void> }[] = [];
        for (const one of starts) running.push(await one.start());
        return {
          close: async () => {
            for (const one of running.toReversed()) await one.close();
          },
        };
      });
    });
  program
    .command("kafka-acls")
    .description("Print the rights that a zone's principal needs in Kafka, as commands of Kafka's own tool")
    .option("-c, --config-file <path>", "settings of global as YAML: log.kafka is used")
    .option("--zone <name>", "the zone; without it, the rights of global and its token issuer")
    .requiredOption("--principal <name>", "as Kafka names it: User:zone-east")
    .option("--create", "give the rights, by the principal of the settings", false)
    .addHelpText("after", "\nA zone may read the configuration and all inventories, and write its own two topics only.")
    .action(async ({ configFile, ...request }: { configFile?: string; zone?: string; principal: string; create: boolean }) => {
      const { globalSettings, kafkaRights } = await import("@atoll/service-global");
      const settings = loadSettings(globalSettings, { file: configFile, env: process.env });
      process.stdout.write(await kafkaRights(settings, request));
    });
  const log = program.command("log").description("Back global's log up, and restore it");
  log
    .command("export <file>")
    .description("Write everything that global's log holds into a file, while global runs or not; .gz is compressed")
    .option("-c, --config-file <path>", "settings of global as YAML: its work directory, or log.kafka")
    .addHelpText("after", "\nSecrets stay sealed: without global.key and zone.key the file opens none of them. Keep those elsewhere.")
    .action(async (file: string, { configFile }: { configFile?: string }) => archive("exportLog", file, configFile));
  log
    .command("import <file>")
    .description("Put such a file into an empty log: a new work directory that has the two keys, or a Kafka without these topics")
    .option("-c, --config-file <path>", "settings of global as YAML: its work directory, or log.kafka")
    .action(async (file: string, { configFile }: { configFile?: string }) => archive("importLog", file, configFile));
  addReplayCommand(program);
  program
    .command("version")
    .description("Print the version")
    .action(() => console.log(`atoll ${version.atoll} (Kuma API ${version.kuma})`));
  return program;
}

/** The settings of every service: one file may serve several. */
export const allSettings = async (): Promise<z.ZodObject[]> => [
  (await import("@atoll/service-global/settings")).globalSettings,
  (await import("@atoll/service-zone/settings")).zoneSettings,
  (await import("@atoll/service-xds/settings")).xdsSettings,
  (await import("@atoll/service-kubernetes/settings")).kubernetesSettings,
  (await import("@atoll/service-tokens/settings")).tokensSettings,
];

/** Names what was given and has no effect. */
function warn({ unknownVariables, unknownKeys, ignored }: SettingsNotices, log: Logger): void {
  if (unknownVariables.length > 0)
    log.warn({ variables: unknownVariables }, "these variables are no settings of this service and have no effect");
  if (unknownKeys.length > 0) log.warn({ keys: unknownKeys }, "these keys of the file are no settings of any service and have no effect");
  for (const { why, settings } of ignored) log.warn({ settings }, `these settings of Kuma have no effect: ${why}`);
}

async function archive(what: "exportLog" | "importLog", file: string, configFile: string | undefined): Promise<void> {
  const { globalSettings, ...service } = await import("@atoll/service-global");
  const settings = loadSettings(globalSettings, { file: configFile, env: process.env });
  try {
    const { topics, records } = await service[what](settings, file, createLogger("log", "warn"));
    console.log(`${what === "exportLog" ? "wrote" : "restored"} ${records} records of ${topics.length} topics: ${topics.join(", ")}`);
  } catch (error) {
    console.error(`atoll: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Runs the command line; wrong settings end with status 1 and are named. */
export async function runAtoll(argv: readonly string[]): Promise<void> {
  try {
    await atollCommand().parseAsync(argv as string[]);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(`atoll: ${error.message}`);
    process.exit(1);
  }
}
