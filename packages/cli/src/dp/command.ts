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
