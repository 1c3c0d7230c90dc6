import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { renderGoTemplate } from "@atoll/resource";
import type { DnsOptions } from "./dns-options.ts";
import { DpOptionsError } from "./dp-options-error.ts";
import { endWithThisProcess } from "./end-with-this-process.ts";
import { fileText } from "./option-values.ts";

/** Plugin that asks the next server when one does not know; CoreDNS has it only where it was built with it. */
const neededPlugin = "alternate";

const defaultTemplate = `.:{{.CoreDNSPort}} {
    forward . 127.0.0.1:{{.EnvoyDNSPort}}
    alternate NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED . /etc/resolv.conf
    prometheus localhost:{{.PrometheusPort}}
    errors
    {{- if .CoreDNSLogging}}
    log
    {{- end}}
}
`;

export interface CoreDns {
  binary: string;
  corefile: string;
}

/**
 * The CoreDNS to start and its configuration; undefined if there is none, or none that can do it. `providedTemplate` is the control
 * plane's. @throws DpOptionsError if one was asked for and can't be had.
 */
export async function findCoreDns(options: DnsOptions, providedTemplate: string | undefined): Promise<CoreDns | undefined> {
  const template =
    options.corefileTemplatePath === undefined
      ? providedTemplate
      : fileText("--dns-coredns-config-template-path", options.corefileTemplatePath);
  const candidates =
    options.coreDnsBinary === undefined ? ["coredns", join(dirname(process.argv[1] ?? "."), "coredns")] : [options.coreDnsBinary];
  for (const binary of candidates) {
    const plugins = await pluginsOf(binary);
    if (plugins === undefined) continue;
    if (template === undefined && !plugins.includes(neededPlugin)) {
      if (options.coreDnsBinary === undefined) continue;
      throw new DpOptionsError(
        `--dns-coredns-path: ${binary} has no plugin "${neededPlugin}"; give another, or a Corefile with --dns-coredns-config-template-path`,
      );
    }
    return { binary, corefile: corefileOf(options, template ?? defaultTemplate) };
  }
  if (options.coreDnsBinary !== undefined) throw new DpOptionsError(`--dns-coredns-path: cannot run ${options.coreDnsBinary}`);
  if (options.corefileTemplatePath !== undefined)
    throw new DpOptionsError("--dns-coredns-config-template-path: there is no coredns to give it to; see --dns-coredns-path");
  return undefined;
}

async function pluginsOf(binary: string): Promise<string | undefined> {
  if (binary.includes("/") && !existsSync(binary)) return undefined;
  try {
    return (await promisify(execFile)(binary, ["-plugins"], { timeout: 10_000 })).stdout;
  } catch {
    return undefined;
  }
}

function corefileOf(options: DnsOptions, template: string): string {
  const rendered = renderGoTemplate(template, {
    CoreDNSPort: options.port,
    EnvoyDNSPort: options.envoyPort,
    PrometheusPort: options.prometheusPort,
    CoreDNSLogging: options.logging,
  });
  if ("error" in rendered) throw new DpOptionsError(`the template of the Corefile is not valid: ${rendered.error}`);
  return rendered.text;
}

export interface RunningCoreDns {
  /** Why it ended, if it ends by itself. */
  readonly ended: Promise<string>;
  close(): void;
}

export function startCoreDns({ binary, corefile }: CoreDns, folder: string): RunningCoreDns {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "Corefile");
  writeFileSync(path, corefile, { mode: 0o600 });
  const child = spawn(binary, ["-conf", path, "-quiet"], { stdio: ["ignore", "inherit", "inherit"] });
  const dismiss = child.pid === undefined ? () => {} : endWithThisProcess(child.pid, undefined);
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`CoreDNS did not start: ${error.message}`));
    child.on("exit", (code, signal) => resolve(`CoreDNS ended: ${signal ?? `status ${code}`}`));
  });
  void ended.then(dismiss);
  return { ended, close: () => void child.kill("SIGTERM") };
}
