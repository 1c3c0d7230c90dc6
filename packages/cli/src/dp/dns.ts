import type { BootstrapAnswer } from "./bootstrap-client.ts";
import { findCoreDns, startCoreDns } from "./core-dns.ts";
import { startDnsForwarder } from "./dns-forwarder.ts";
import type { DnsOptions } from "./dns-options.ts";

export interface RunningDns {
  /** Why the proxy can't go on; never without CoreDNS. */
  readonly ended: Promise<string>;
  close(): void;
}

const nothing: RunningDns = { ended: new Promise(() => {}), close: () => {} };

/**
 * Answers the DNS questions of a transparently proxied workload: by CoreDNS where there is one, else by itself. `folder` is for its
 * configuration, if the options name none. @throws DpOptionsError
 */
export async function startDns(
  options: DnsOptions,
  { isTransparent, corefileTemplate }: Pick<BootstrapAnswer, "isTransparent" | "corefileTemplate">,
  folder: string,
): Promise<RunningDns> {
  // Without redirection nobody asks, and several proxies of one machine would want the same port.
  if (!options.enabled || !isTransparent) return nothing;
  const coreDns = await findCoreDns(options, corefileTemplate);
  if (coreDns) return startCoreDns(coreDns, options.configDir ?? folder);
  const forwarder = await startDnsForwarder(options);
  return { ended: nothing.ended, close: () => forwarder.close() };
}
