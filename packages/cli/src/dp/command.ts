import { Command, CommanderError, Option } from "commander";
import { version } from "@atoll/runtime/version";
import { goArguments } from "../input/go-arguments.ts";
import { InputError } from "../input/input-error.ts";
import { openDpLog, type DpLogFlags } from "./dp-log.ts";
import { durationS } from "./option-values.ts";
import { resolveDpOptions, type DpFlags } from "./options.ts";
import { runProxy } from "./run.ts";
import { waitForEnvoy } from "./wait.ts";

/** `atoll-dp`: the commands and flags of kuma-dp 2.10. */
export function dpCommand(): Command {
  const program = new Command("atoll-dp")
    .description("Starts Envoy as a proxy of the mesh and supervises it")
    .option("--log-level <level>", "how much to say: off, info or debug; Envoy's level follows it", "info")
    .option("--log-output-path <path>", "file for what this program says, instead of standard error")
    .option("--log-max-size <megabytes>", "size at which that file is put aside", "100")
    .option("--log-max-retained-files <n>", "how many of those that were put aside stay; 0 = all", "1000")
    .option("--log-max-age <days>", "how long they stay; 0 = for ever", "30");
  program
    .command("run")
    .description("Fetch a bootstrap configuration from the control plane and run Envoy with it")
    .option("--cp-address <url>", "dataplane server of the zone (KUMA_CONTROL_PLANE_URL; https://localhost:5678)")
    .option(
      "--ca-cert-file <path>",
      "PEM to verify it with: tls.crt of the xDS server, or the CA of its certificate (KUMA_CONTROL_PLANE_CA_CERT_FILE)",
    )
    .option("--proxy-type <type>", "dataplane, ingress or egress (KUMA_DATAPLANE_PROXY_TYPE; dataplane)")
    .option("--mesh <name>", "mesh of a Dataplane that is already stored (KUMA_DATAPLANE_MESH; default)")
    .option("--name <name>", "name of a proxy that is already stored (KUMA_DATAPLANE_NAME)")
    .option("-d, --dataplane-file <path>", "Dataplane, ZoneIngress or ZoneEgress to register (KUMA_DATAPLANE_RUNTIME_RESOURCE_PATH)")
    .option("--dataplane <yaml>", "the same as text (KUMA_DATAPLANE_RUNTIME_RESOURCE)")
    .option("-v, --dataplane-var <name=value>", "value of {{ name }} in the dataplane file; may be repeated", collect)
    .option("--dataplane-token-file <path>", "token of the proxy (KUMA_DATAPLANE_RUNTIME_TOKEN_PATH)")
    .option("--dataplane-token <token>", "the same as text (KUMA_DATAPLANE_RUNTIME_TOKEN)")
    .option("--binary-path <path>", "Envoy (KUMA_DATAPLANE_RUNTIME_BINARY_PATH, ENVOY_PATH; envoy)")
    .option("--config-dir <path>", "where bootstrap.yaml is written (a temporary folder)")
    .option("--socket-dir <path>", "where pipes and sockets are made (the configuration folder)")
    .option("--concurrency <n>", "Envoy's worker threads (one for each CPU)")
    .option(
      "--envoy-log-level <level>",
      "trace, debug, info, warning, error, critical or off (KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL; as --log-level)",
    )
    .option(
      "--envoy-component-log-level <levels>",
      "of single components of Envoy, such as upstream:debug,connection:trace (KUMA_DATAPLANE_RUNTIME_ENVOY_COMPONENT_LOG_LEVEL)",
    )
    .option(
      "--metrics-cert-path <path>",
      "certificate of the listener for Prometheus, if its tls.mode is providedTLS (KUMA_DATAPLANE_RUNTIME_METRICS_CERT_PATH)",
    )
    .option("--metrics-key-path <path>", "its key (KUMA_DATAPLANE_RUNTIME_METRICS_KEY_PATH)")
    .option("--drain-time <duration>", "how long open connections may go on after SIGTERM (KUMA_DATAPLANE_DRAIN_TIME; 30s)")
    .option("--dns-enabled [bool]", "answer the DNS questions of a transparently proxied workload (KUMA_DNS_ENABLED; true)")
    .option("--dns-coredns-port <port>", "where the host's rules redirect them to (KUMA_DNS_CORE_DNS_PORT; 15053)")
    .option("--dns-envoy-port <port>", "where Envoy answers for the names of the mesh (KUMA_DNS_ENVOY_DNS_PORT; 15054)")
    .option("--dns-coredns-path <path>", "CoreDNS to start for it (KUMA_DNS_CORE_DNS_BINARY_PATH; coredns if found, else none is needed)")
    .option("--dns-coredns-config-template-path <path>", "its Corefile as a Go template (KUMA_DNS_CORE_DNS_CONFIG_TEMPLATE_PATH)")
    .option("--dns-server-config-dir <path>", "where the Corefile is written (KUMA_DNS_CONFIG_DIR; the configuration folder)")
    .option("--dns-prometheus-port <port>", "where CoreDNS shows its metrics (KUMA_DNS_PROMETHEUS_PORT; 19153)")
    .option("--dns-enable-logging [bool]", "have CoreDNS log every question (KUMA_DNS_ENABLE_LOGGING; false)")
    .addOption(ignored("--admin-port <port>"))
    .addHelpText(
      "after",
      `
In brackets: the variable (also as ATOLL_...), and the default. A variable that is set wins over the flag, as in kuma-dp.
Flags may stand on either side of run.

Examples:
  atoll-dp run --cp-address=https://zone-east:5678 --ca-cert-file=zone-east.crt \\
    --dataplane-file=orders.yaml --dataplane-var name=orders-1 --dataplane-token-file=orders.token
  atoll-dp run --cp-address=https://zone-east:5678 --ca-cert-file=zone-east.crt \\
    --proxy-type=egress --dataplane-file=egress.yaml --dataplane-token-file=zone-proxies.token`,
    )
    .action(async (_own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<DpFlags>();
      const options = resolveDpOptions(flags, process.env);
      const log = openDpLog(flags, () => new Date());
      for (const notice of options.notices) log.say(notice);
      try {
        process.exitCode = await runProxy(options, log);
      } catch (error) {
        if (flags.logOutputPath) log.say((error as Error).message);
        throw error;
      }
      process.exit();
    });
  program
    .command("wait")
    .description("Wait until an Envoy is ready")
    .option("--url <url>", "where it says so", "http://localhost:9901/ready")
    .option("--check-frequency <duration>", "how long to wait between two requests", "1s")
    .option("--request-timeout <duration>", "how long one may take", "500ms")
    .option("--timeout <duration>", "how long to wait in all", "3m0s")
    .action(async (_own: unknown, command: Command) => {
      const flags = command.optsWithGlobals<{ url: string; checkFrequency: string; requestTimeout: string; timeout: string }>();
      if (!URL.canParse(flags.url)) throw new InputError(`--url: "${flags.url}" is not a URL`);
      const waiting = {
        url: flags.url,
        checkFrequencyMs: 1_000 * durationS("--check-frequency", flags.checkFrequency),
        requestTimeoutMs: 1_000 * durationS("--request-timeout", flags.requestTimeout),
        timeoutMs: 1_000 * durationS("--timeout", flags.timeout),
      };
      await waitForEnvoy(waiting, openDpLog(command.optsWithGlobals<DpLogFlags>(), () => new Date()).say);
    });
  program
    .command("version")
    .description("Print the version")
    .option("-a, --detailed", "all that is known of it")
    .action(({ detailed }: { detailed?: true }) =>
      console.log(
        detailed
          ? `Product:       Atoll\nVersion:       ${version.atoll}\nSpeaks:        Kuma ${version.kuma}`
          : `atoll-dp ${version.atoll} (Kuma ${version.kuma})`,
      ),
    );
  return program;
}

/** A flag of kuma-dp that has nothing to do here: command lines that give it go on to work. */
const ignored = (flags: string, note = ""): Option =>
  new Option(flags, `accepted for compatibility, without effect ${note}`.trim()).hideHelp();

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

/** Runs the command line; a wrong option ends with status 1 and one line that names it. */
export async function runDp(argv: readonly string[]): Promise<void> {
  try {
    const program = dpCommand();
    await program.parseAsync(goArguments(program, argv.slice(2)), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode);
    console.error(`atoll-dp: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
