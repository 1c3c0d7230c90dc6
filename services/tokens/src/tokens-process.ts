import { join } from "node:path";
import { ConfigReplica } from "@atoll/replica";
import { expandPath, Lifecycle, Registry, startDebugServer, verificationSettings, type Logger } from "@atoll/runtime";
import { loadSealingKey } from "@atoll/secret";
import { openLedger } from "./ledger.ts";
import { openLog } from "./open-log.ts";
import type { TokensSettings } from "./settings.ts";
import { startTokens } from "./tokens-service.ts";

/** The token issuer as a process: follows global's log with the global key, and signs. */
export async function startTokensProcess(settings: TokensSettings, log: Logger): Promise<{ close(): Promise<void> }> {
  const lifecycle = new Lifecycle(log);
  try {
    const workDir = expandPath(settings.general.workDir);
    const global = await loadSealingKey(join(workDir, "global.key"), { create: false });
    const zone = await loadSealingKey(join(workDir, "zone.key"), { create: false });
    const eventLog = lifecycle.add("log", await openLog(settings, workDir, global));
    let ready: string | null = "following the log of global";
    const debug = {
      address: settings.diagnostics.serverInterface,
      port: settings.diagnostics.serverPort,
      registry: new Registry(),
      notReady: () => ready,
    };
    lifecycle.add("diagnostics", await startDebugServer(debug));
    const resources = lifecycle.add(
      "replica",
      await ConfigReplica.open({
        log: eventLog,
        signal: lifecycle.signal,
        onError: (error) => log.warn({ err: error }, "following the log"),
      }),
    );
    const ledger = await openLedger(eventLog);
    lifecycle.add(
      "http",
      await startTokens(
        { host: settings.tokens.interface, port: settings.tokens.port },
        {
          resources,
          keyRing: { global, zone },
          clock: Date.now,
          ledger,
          logger: log,
          zoneKeys: verificationSettings(
            settings.dpServer.authn.zoneProxy.zoneToken.validator,
            "dpServer.authn.zoneProxy.zoneToken.validator",
          ),
          waitFor: (revision, options) => resources.waitFor(revision, options),
        },
      ),
    );
    ready = null;
    return lifecycle;
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}
