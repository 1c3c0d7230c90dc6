import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ApiError, appliedRevisionOf, createApi, keyRingPorts, maskedSettings, type ApiOptions, type Proxies } from "@atoll/api";
import { loadServiceCertificate } from "@atoll/certificate";
import { MemoryInventory } from "@atoll/inventory";
import { globalAccess, inspectThrough, QueryError, startKdsServer, zoneTokenVerifier, type KdsServer } from "@atoll/kds";
import { ConfigReplica, ZoneReplicaSet } from "@atoll/replica";
import { expandPath, instanceName, Diagnostics, Lifecycle, version, type Logger } from "@atoll/runtime";
import { deriveServiceBearer, isServiceBearer, loadSealingKey, type KeyRing } from "@atoll/secret";
import { InventoryFeed } from "@atoll/sync";
import { createRemoteIssuer, resourceKeys, resourceRevocations, verifyUserToken } from "@atoll/token";
import { assertClusterKeys, clusterIdOf, ensureClusterSecrets } from "./first-start.ts";
import { openLog } from "./open-log.ts";
import type { GlobalSettings } from "./settings.ts";
import { ensureZone } from "./zone-registration.ts";
import { ZoneInsights } from "./zone-insights.ts";

/** The global service: REST, registration of zones, and the log, lent to those who cannot reach it. */
export async function startGlobal(settings: GlobalSettings, log: Logger): Promise<{ close(): Promise<void> }> {
  const lifecycle = new Lifecycle(log);
  try {
    await open(settings, log, lifecycle);
    return lifecycle;
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function open(settings: GlobalSettings, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const workDir = expandPath(settings.general.workDir);
  mkdirSync(workDir, { recursive: true });
  const instanceId = instanceName("global", settings.apiServer.http.port);
  const onError = (error: unknown) => log.warn({ err: error }, "the log is not followed as it should be");

  const diagnostics = lifecycle.add("diagnostics", await Diagnostics.open(settings.diagnostics, "opening the log"));
  const { views } = diagnostics;

  const ring: KeyRing = {
    global: await loadSealingKey(join(workDir, "global.key")),
    zone: await loadSealingKey(join(workDir, "zone.key")),
  };
  const eventLog = lifecycle.add("log", await openLog(settings.log, workDir, log));
  const config = lifecycle.add("configuration", await ConfigReplica.open({ log: eventLog, snapshots: settings.snapshots, onError }));
  diagnostics.observe(config);
  await ensureClusterSecrets(config, ring, { bootstrapAdminToken: settings.apiServer.authn.tokens.bootstrapAdminToken, nowMs: Date.now() });
  assertClusterKeys(config, ring, workDir);
  const zones = lifecycle.add("zones", await ZoneReplicaSet.open({ log: eventLog, config, onError }));
  const inventory = lifecycle.add("inventory", new MemoryInventory());
  lifecycle.add("inventory feed", await InventoryFeed.open({ log: eventLog, config, inventory, onError }));

  const insights = new ZoneInsights(instanceId, () => new Date());
  const certificate = await loadServiceCertificate({
    workDir,
    tlsCertFile: settings.general.tlsCertFile,
    tlsKeyFile: settings.general.tlsKeyFile,
    nowMs: Date.now(),
  });
  const verification = () => ({ keys: resourceKeys(config, ring), revocations: resourceRevocations(config, ring), nowMs: Date.now() });
  const kds: KdsServer = await startKdsServer({
    host: settings.multizone.global.kds.grpcInterface,
    port: settings.multizone.global.kds.grpcPort,
    tls: { certificate: certificate.certPem, key: certificate.keyPem },
    log: eventLog,
    allows: globalAccess,
    verify: zoneTokenVerifier(verification),
    isInternal: (authorization) => isServiceBearer(ring.global!, authorization),
    version: version.kuma,
    instanceId,
    clusterId: () => clusterIdOf(config) || undefined,
    sealingKey: () => ring.zone,
    progress: () => ({ revision: config.revision, checksum: config.checksum() }),
    heartbeatIntervalMs: settings.multizone.global.kds.heartbeatIntervalMs,
    instancesPerZone: "one",
    onRegister: async (registration) => {
      await ensureZone(config, registration.zone);
      insights.registered(registration);
      log.info({ zone: registration.zone, version: registration.version }, "zone registered");
    },
    onSession: (session) => insights.opened(session),
    onHeartbeat: (session, heartbeat) => insights.heard(session, heartbeat),
    onSessionEnd: (session) => {
      insights.ended(session);
      log.info({ zone: session.zone }, "zone disconnected");
    },
  });
  lifecycle.add("kds", kds);
  // Whoever's key or token was withdrawn is sent away at once.
  config.watch(({ keys }) => {
    if (keys.some((key) => key.startsWith("TokenVerificationKey/") || key.includes("token-revocations"))) void kds.recheck();
  });

  const options: ApiOptions = {
    settings: {
      mode: "global",
      localhostIsAdmin: settings.apiServer.authn.localhostIsAdmin,
      readOnly: settings.apiServer.readOnly,
      basePath: settings.apiServer.basePath,
      clusterId: () => clusterIdOf(config),
      instanceId,
      hostname: hostname(),
      shownConfig: maskedSettings({ mode: "global", ...settings }),
      issueTokens: settings.apiServer.authn.tokens.enableIssuer,
      unsafeDelete: settings.store.unsafeDelete,
      createMeshRoutingResources: settings.defaults.createMeshRoutingResources,
    },
    config,
    zones,
    inventory,
    zoneInsight: (zone) => insights.of(zone),
    ...keyRingPorts(ring, Date.now),
    issueToken: createRemoteIssuer({
      url: settings.tokens.url,
      bearer: deriveServiceBearer(ring.global!),
      revision: () => config.revision,
    }),
    verifyUserToken: async (token) => {
      const { name, groups } = await verifyUserToken(token, verification());
      return { name, groups: groups ?? [] };
    },
    proxies: proxiesThrough(kds, zones),
    now: Date.now,
    newId: randomUUID,
    onError: (error, call) => log.error({ err: error, ...call }, "request failed"),
  };
  const api = lifecycle.add("api", createApi(options));
  if (!settings.defaults.skipMeshCreation) await createDefaultMesh(api, config);
  const { http, https } = settings.apiServer;
  if (http.enabled) await api.listen({ host: http.interface, port: http.port });
  if (https.enabled) {
    const secured = lifecycle.add(
      "api over TLS",
      createApi(options, { key: certificate.keyPem, cert: certificate.certPem, minVersion: "TLSv1.2" }),
    );
    await secured.listen({ host: https.interface, port: https.port });
  }

  views["zones"] = () => insights.progress();
  diagnostics.notReady = null;
  log.info(
    { http: http.enabled ? http.port : undefined, https: https.enabled ? https.port : undefined, kds: kds.port, revision: config.revision },
    "global is ready",
  );
}

/** As on a first start of its kind: a mesh to begin with. */
async function createDefaultMesh(api: ReturnType<typeof createApi>, config: ConfigReplica): Promise<void> {
  if (config.revision > 5 || config.list("Mesh").length > 0) return;
  await api.inject({
    method: "PUT",
    url: "/meshes/default",
    remoteAddress: "127.0.0.1",
    headers: { "content-type": "application/json" },
    payload: { type: "Mesh", name: "default" },
  });
}

/** Live inspection through the zone's session, and what each zone's xDS servers say is applied. */
function proxiesThrough(kds: KdsServer, zones: ZoneReplicaSet): Proxies {
  return {
    inspect: async (proxy, query) => {
      try {
        return await inspectThrough(kds.sessions(proxy.zone), proxy.zone, {
          proxy: { type: proxy.type, mesh: proxy.mesh, name: proxy.name },
          ...query,
        });
      } catch (error) {
        if (error instanceof QueryError)
          throw new ApiError({ status: 400, title: "Could not execute admin operation", detail: error.message });
        throw error;
      }
    },
    appliedRevisions: () => Object.fromEntries(zones.names().map((zone) => [zone, appliedRevisionOf(zones.reader(zone)!)])),
    watchApplied: (listener) =>
      zones.watch(({ keys }) => {
        if (keys.some((key) => key.startsWith("ProxyStatus/"))) listener();
      }),
  };
}
