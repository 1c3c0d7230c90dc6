import { Command, Option } from "commander";
import { version } from "@atoll/runtime/version";
import { resolveDpOptions, type DpFlags } from "./options.ts";
import { runProxy } from "./run.ts";

/** `atoll-dp`: the flags of kuma-dp 2.10. */
export function dpCommand(): Command {
  const program = new Command("atoll-dp").description("Starts Envoy as a proxy of the mesh and supervises it");
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
    .option("-v, --dataplane-var <name=value...>", "values for {{ name }} in the dataplane file", collect)
    .option("--dataplane-token-file <path>", "token of the proxy (KUMA_DATAPLANE_RUNTIME_TOKEN_PATH)")
    .option("--dataplane-token <token>", "the same as text (KUMA_DATAPLANE_RUNTIME_TOKEN)")
    .option("--binary-path <path>", "Envoy (KUMA_DATAPLANE_RUNTIME_BINARY_PATH, ENVOY_PATH; envoy)")
    .option("--config-dir <path>", "where bootstrap.yaml is written (a temporary folder)")
    .option("--socket-dir <path>", "where pipes and sockets are made (the configuration folder)")
    .option("--concurrency <n>", "Envoy's worker threads (one for each CPU)")
    .option("--log-level <level>", "Envoy's log level (info)")
    .option("--drain-time <duration>", "how long open connections may go on after SIGTERM (KUMA_DATAPLANE_DRAIN_TIME; 30s)")
    .addOption(ignored("--dns-enabled [bool]", "(KUMA_DNS_ENABLED)"))
    .addOption(ignored("--dns-coredns-path <path>"))
    .addOption(ignored("--dns-coredns-port <port>"))
    .addOption(ignored("--dns-coredns-logging [bool]"))
    .addOption(ignored("--dns-coredns-config-template-path <path>"))
    .addOption(ignored("--dns-envoy-port <port>"))
    .addOption(ignored("--dns-prometheus-port <port>"))
    .addOption(ignored("--dns-server-config-dir <path>"))
    .addOption(ignored("--admin-port <port>"))
    .addHelpText(
      "after",
      `
In brackets: the variable (also as ATOLL_...), and the default. Flags win over variables.

Examples:
  atoll-dp run --cp-address=https://zone-east:5678 --ca-cert-file=zone-east.crt \\
    --dataplane-file=orders.yaml --dataplane-var name=orders-1 --dataplane-token-file=orders.token
  atoll-dp run --cp-address=https://zone-east:5678 --ca-cert-file=zone-east.crt \\
    --proxy-type=egress --dataplane-file=egress.yaml --dataplane-token-file=zone-proxies.token`,
    )
    .action(async (flags: DpFlags) => {
      process.exitCode = await runProxy(resolveDpOptions(flags, process.env));
      process.exit();
    });
  program
    .command("version")
    .description("Print the version")
    .action(() => console.log(`atoll-dp ${version.atoll} (Kuma ${version.kuma})`));
  return program;
}

/** A flag of kuma-dp that has nothing to do here: command lines that give it go on to work. */
const ignored = (flags: string, note = ""): Option =>
  new Option(flags, `accepted for compatibility, without effect ${note}`.trim()).hideHelp();

const collect = (value: string, previous: string[] = []): string[] => [...previous, ...value.split(",")];

/** Runs the command line; a wrong option ends with status 1 and one line that names it. */
export async function runDp(argv: readonly string[]): Promise<void> {
  try {
    await dpCommand().parseAsync(argv as string[]);
  } catch (error) {
    console.error(`atoll-dp: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
