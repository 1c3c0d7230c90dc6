import { addRelayService, relayChannelOptions } from "@atoll/event-log";
import type { AccessPolicy, MirrorLog } from "@atoll/event-log";
import { hostAndPort } from "@atoll/resource";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Gatekeeper } from "./gatekeeper.ts";
import type { GatekeeperOptions } from "./gatekeeper.ts";
import { describeIdentity } from "./identity.ts";
import type { KdsIdentity } from "./identity.ts";
import { KdsService } from "./kds-service.ts";
import type { KdsOptions } from "./kds-service.ts";
import type { ZoneSession } from "./zone-session.ts";

export interface KdsServerOptions extends KdsOptions, GatekeeperOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** PEM. Without it the server speaks plaintext: for tests and trusted networks only, as keys are handed out over it. */
  tls?: { certificate: string; key: string };
  /** The log that is lent to callers. */
  log: MirrorLog;
  /** `globalAccess`, or `zoneAccess(zone)` in a zone. */
  allows: AccessPolicy<KdsIdentity>;
}

export interface KdsServer {
  port: number;
  sessions(zone?: string): readonly ZoneSession[];
  /** Tells all sessions now how far this side is. */
  beat(): void;
  /** Verifies the tokens of all callers again. To be called when keys or revocations changed. */
  recheck(): Promise<void>;
  close(): Promise<void>;
}

/** Serves registration, sessions and the log on one port. Rejects if it cannot listen there. */
export async function startKdsServer(options: KdsServerOptions): Promise<KdsServer> {
  const { host, port, tls, log, allows } = options;
  const gatekeeper = new Gatekeeper(options);
  const kds = new KdsService(gatekeeper, options);
  const server = new Server(relayChannelOptions);
  kds.addTo(server);
  addRelayService(server, log, { authorize: gatekeeper.authorize, allows, describeIdentity });
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) }])
    : ServerCredentials.createInsecure();
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(hostAndPort(host, port), credentials, (error, at) => {
      if (error) reject(new Error(`cannot listen on ${hostAndPort(host, port)} for KDS: ${error.message}`, { cause: error }));
      else resolve(at);
    });
  });
  return {
    port: bound,
    sessions: (zone) => kds.sessions(zone),
    beat: () => kds.beat(),
    recheck: () => gatekeeper.recheck(),
    close: async () => {
      kds.close();
      gatekeeper.close();
      // Log followers have no end of their own.
      server.forceShutdown();
    },
  };
}
