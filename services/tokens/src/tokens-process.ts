import { isIPv6 } from "node:net";
import { join } from "node:path";
import { isLoopbackHost } from "@atoll/caller";
import { configuredCertificate } from "@atoll/certificate";
import { ConfigReplica } from "@atoll/replica";
import {
  Counter,
  Diagnostics,
  expandPath,
  instanceName,
  Lifecycle,
  type Logger,
  type Registry,
  zoneTokenVerification,
} from "@atoll/runtime";
import { loadSealingKey } from "@atoll/secret";
import { openLedger } from "./ledger.ts";
import { openLog } from "./open-log.ts";
import type { TokensSettings } from "./settings.ts";
import { startTokens, type TokensPorts } from "./tokens-service.ts";

/** The token issuer as a process: follows global's log with the global key, and signs. */
export async function startTokensProcess(settings: TokensSettings, log: Logger): Promise<{ close(): Promise<void> }> {
  const lifecycle = new Lifecycle(log);
  try {
    const workDir = expandPath(settings.general.workDir);
    const global = await loadSealingKey(join(workDir, "global.key"), { create: false });
    const zone = await loadSealingKey(join(workDir, "zone.key"), { create: false });
    const source = { service: "tokens", instanceId: instanceName("tokens", settings.tokens.port) };
    const diagnostics = lifecycle.add("diagnostics", await Diagnostics.open(settings, "following the log of global", source, log));
    const eventLog = lifecycle.add("log", await openLog(settings, workDir, global));
    const resources = lifecycle.add(
      "replica",
      await ConfigReplica.open({
        log: eventLog,
        observer: diagnostics.replica,
        signal: lifecycle.signal,
        onError: (error) => log.warn({ err: error }, "following the log"),
      }),
    );
    diagnostics.observe(resources);
    const ledger = await openLedger(eventLog);
    const pair = await configuredCertificate(settings.tokens, "tokens");
    const host = settings.tokens.interface;
    if (pair === undefined && host !== "localhost" && !isLoopbackHost(isIPv6(host) ? `[${host}]` : host))
      log.warn(
        { interface: host },
        "tokens, and what is shown for them, cross the network in clear: set tokens.tlsCertFile and tlsKeyFile",
      );
    lifecycle.add(
      "http",
      await startTokens(
        { host, port: settings.tokens.port, ...(pair && { tls: { cert: pair.certPem, key: pair.keyPem } }) },
        {
          resources,
          keyRing: { global, zone },
          clock: Date.now,
          ledger,
          logger: log,
          zoneKeys: zoneTokenVerification(settings.dpServer.authn),
          requests: diagnostics.requests,
          onRefused: diagnostics.refusals.to(log),
          onIssue: countIssues(diagnostics.registry),
          waitFor: (revision, options) => resources.waitFor(revision, options),
        },
      ),
    );
    diagnostics.notReady = null;
    return lifecycle;
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

function countIssues(registry: Registry): TokensPorts["onIssue"] {
  const registers = [registry];
  const issued = new Counter({ name: "atoll_tokens_issued_total", help: "Tokens signed", labelNames: ["kind"], registers });
  const refused = new Counter({ name: "atoll_tokens_refused_total", help: "Requests for tokens refused", labelNames: ["kind"], registers });
  return (kind, wasIssued) => (wasIssued ? issued : refused).inc({ kind });
}
