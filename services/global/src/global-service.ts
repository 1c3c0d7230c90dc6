import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  ApiError,
  appliedRevisionOf,
  createApi,
  guiSetting,
  keyRingPorts,
  kubernetesService,
  maskedSettings,
  withheldOf,
  type ApiOptions,
  type Proxies,
  tokenHoldersOf,
} from "@atoll/api";
import { configuredCertificate, loadServiceCertificate } from "@atoll/certificate";
import { topics, type EventLog } from "@atoll/event-log";
import { MemoryInventory } from "@atoll/inventory";
import {
  globalAccess,
  inspectAnywhere,
  inspectAtPeer,
  inspectThrough,
  QueryError,
  startKdsServer,
  ZoneSessions,
  zoneTokenVerifier,
  type GlobalPeer,
  type KdsServer,
  type ZoneQuery,
} from "@atoll/kds";
import { ConfigReplica, decodeJson, readToHead, ReplicaBeat, ZoneReplica, ZoneReplicaSet } from "@atoll/replica";
import { typesOf, parseKeyString, type FleetAnswer } from "@atoll/resource";
import {
  clientCertificates,
  Diagnostics,
  expandPath,
  instanceName,
  issuerAddress,
  Lifecycle,
  nodeTlsVersion,
  openedBy,
  userTokenVerification,
  zoneTokenVerification,
  version,
  type Logger,
  listenHost,
} from "@atoll/runtime";
import { deriveServiceBearer, isServiceBearer, loadSealingKey, type KeyRing } from "@atoll/secret";
import { InventoryFeed } from "@atoll/sync";
import {
  ledgerTopic,
  type IssuedToken,
  configuredKeys,
  createRemoteIssuer,
  resourceKeys,
  resourceRevocations,
  verifyUserToken,
} from "@atoll/token";
import { assertClusterKeys, clusterIdOf, ensureClusterSecrets, ensureHostnameGenerators } from "./first-start.ts";
import { openExpiringTokens } from "./expiring-tokens.ts";
import { nativeFaultOf } from "./native-resources.ts";
import { openLog } from "./open-log.ts";
import { globalMetrics } from "./global-metrics.ts";
import { openRollouts } from "./rollouts.ts";
import type { GlobalSettings } from "./settings.ts";
import { ensureZone } from "./zone-registration.ts";

/** Of the records with which instances of global find each other; not on the REST API. */
const presenceType = "GlobalInstance";

/** The global service: REST, registration of zones, and the log, lent to those who cannot reach it. */
export async function startGlobal(settings: GlobalSettings, log: Logger): Promise<{ close(): Promise<void> }> {
  return Lifecycle.opening(log, (lifecycle) => open(settings, log, lifecycle));
}

async function open(settings: GlobalSettings, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const workDir = expandPath(settings.general.workDir);
  mkdirSync(workDir, { recursive: true });
  const instanceId = instanceName("global", settings.apiServer.http.port);
  const onError = (error: unknown) => log.warn({ err: error }, "the log is not followed as it should be");

  const diagnostics = lifecycle.add(
    "diagnostics",
    await Diagnostics.open(settings, "opening the log", { service: "global", instanceId }, log),
  );
  const { views } = diagnostics;

  const ring: KeyRing = {
    global: await loadSealingKey(join(workDir, "global.key")),
    zone: await loadSealingKey(join(workDir, "zone.key")),
  };
  const eventLog = lifecycle.add("log", await openLog(settings.log, workDir, log));
  const config = lifecycle.add(
    "configuration",
    await ConfigReplica.open({ log: eventLog, snapshots: settings.snapshots, observer: diagnostics.replica, onError }),
  );
  diagnostics.observe(config);
  await ensureClusterSecrets(config, ring, { bootstrapAdminToken: settings.apiServer.authn.tokens.bootstrapAdminToken, nowMs: Date.now() });
  assertClusterKeys(config, ring, workDir);
  if (!settings.defaults.skipHostnameGenerators) await ensureHostnameGenerators(config, Date.now());
  lifecycle.add("ledger", await openExpiringTokens({ eventLog, config, ring, diagnostics, log }));
  const zones = lifecycle.add("zones", await ZoneReplicaSet.open({ log: eventLog, config, onError }));
  const inventory = lifecycle.add("inventory", new MemoryInventory());
  lifecycle.add("inventory feed", await InventoryFeed.open({ log: eventLog, config, inventory, onError }));

  const observed = lifecycle.add("observations", await ZoneReplica.open({ log: eventLog, zone: "", topic: topics.global, onError }));
  const sessions = lifecycle.add(
    "sessions",
    new ZoneSessions({ store: observed, instanceId, kept: settings.metrics.zone.subscriptionLimit, now: () => new Date(), onError }),
  );
  const metrics = globalMetrics(diagnostics, sessions, () => config.revision);
  const certificate = await loadServiceCertificate({ ...settings.general, workDir, nowMs: Date.now() });
  const { apiServer, dpServer } = settings;
  const keysInUse = configuredKeys(
    { user: userTokenVerification(apiServer.authn), zone: zoneTokenVerification(dpServer.authn) },
    resourceKeys(config, ring),
  );
  const verification = () => ({ keys: keysInUse, revocations: resourceRevocations(config, ring), nowMs: Date.now() });
  const kdsCertificate = (await configuredCertificate(settings.multizone.global.kds, "multizone.global.kds")) ?? certificate;
  const kds: KdsServer = await startKdsServer({
    host: listenHost(settings.multizone.global.kds.grpcInterface),
    port: settings.multizone.global.kds.grpcPort,
    tls: { certificate: kdsCertificate.certPem, key: kdsCertificate.keyPem },
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
    onRegister: async (registration) => {
      await ensureZone(config, registration.zone);
      sessions.registered(registration);
      metrics.registered();
      log.info({ zone: registration.zone, version: registration.version }, "zone registered");
    },
    onSession: (session) => sessions.opened(session),
    onRefused: () => metrics.registrationRefused(),
    onHeartbeat: (session, heartbeat) => {
      const revisions = Math.max(0, config.revision - heartbeat.revision);
      sessions.heard(session, heartbeat, {
        revisions,
        ms: revisions > 0 ? diagnostics.timeline.ageMs(heartbeat.revision + 1, "folded") : 0,
      });
    },
    onSessionEnd: (session) => {
      sessions.ended(session);
      log.info({ zone: session.zone }, "zone disconnected");
    },
  });
  lifecycle.add("kds", kds);
  const advertised = settings.multizone.global.kds.advertisedAddress ?? `grpcs://${hostname()}:${kds.port}`;
  const presence = { address: advertised, certificate: kdsCertificate.certPem };
  const beat = new ReplicaBeat<GlobalPeer>({
    store: observed,
    type: presenceType,
    instanceId,
    report: presence,
    beatIntervalMs: 10_000,
    missedBeats: 3,
    owners: () => sessions.owners(),
    onGone: (gone) => {
      log.warn({ instance: gone }, "another instance of global is gone, and its sessions with it");
      sessions.endAllOf(gone);
    },
    onError,
  });
  lifecycle.add("presence", { close: () => beat.retire() });
  beat.publish(presence);
  // Whoever's key or token was withdrawn is sent away at once.
  config.watch(({ keys }) => {
    if (keys.some((key) => key.startsWith("TokenVerificationKey/") || key.includes("token-revocations"))) void kds.recheck();
    for (const { type, name } of keys.map(parseKeyString)) if (type === "Zone" && !config.get(type, "", name)) sessions.forget(name);
  });

  const proxies = proxiesThrough(kds, zones, (zone) =>
    sessions.holders(zone).flatMap((instance) => {
      const peer = observed.get<GlobalPeer>(presenceType, "", instance)?.spec;
      return peer ? [(query) => inspectAtPeer(peer, deriveServiceBearer(ring.global!), zone, query)] : [];
    }),
  );
  const rollouts = lifecycle.add("roll-outs", openRollouts({ config, zones, proxies, newId: randomUUID, diagnostics, log }));

  const options: ApiOptions = {
    settings: {
      mode: "global",
      localhostIsAdmin: settings.apiServer.authn.localhostIsAdmin,
      localhostByAddressAlone: settings.apiServer.authn.localhostByAddressAlone,
      readOnly: settings.apiServer.readOnly,
      ...(settings.apiServer.gui.enabled && guiSetting()),
      basePath: settings.apiServer.basePath,
      clusterId: () => clusterIdOf(config),
      instanceId,
      hostname: hostname(),
      shownConfig: maskedSettings({ mode: "global", ...settings }),
      issueTokens: {
        dataplane: dpServer.authn.dpProxy.dpToken.enableIssuer,
        zone: dpServer.authn.zoneProxy.zoneToken.enableIssuer,
        user: apiServer.authn.tokens.enableIssuer,
      },
      access: settings.access.static,
      authentication: settings.apiServer.authn.type,
      corsAllowedDomains: settings.apiServer.corsAllowedDomains,
      unsafeDelete: settings.store.unsafeDelete,
      createMeshRoutingResources: settings.defaults.createMeshRoutingResources,
    },
    config,
    zones,
    issuedTokens: () => readLedger(eventLog),
    watchObserved: (listener) => zones.watch(({ keys }) => listener(typesOf(keys))),
    inventory,
    zoneInsight: (zone) => sessions.of(zone),
    ...keyRingPorts(ring, Date.now),
    nativeFault: nativeFaultOf,
    issueToken: createRemoteIssuer({
      ...issuerAddress(settings.tokens, log),
      bearer: deriveServiceBearer(ring.global!),
      revision: () => config.revision,
    }),
    verifyUserToken: async (token) => {
      if (isServiceBearer(ring.global!, `Bearer ${token}`)) return kubernetesService;
      const { name, groups } = await verifyUserToken(token, verification());
      return { name, groups: groups ?? [] };
    },
    proxies,
    rolloutWaits: () => rollouts.waits(),
    now: Date.now,
    newId: randomUUID,
    requests: diagnostics.requests,
    onRefused: diagnostics.refusals.to(log),
    onError: (error, call) => log.error({ err: error, ...call }, "request failed"),
  };
  const api = lifecycle.add("api", createApi(options));
  if (!settings.defaults.skipMeshCreation) await createDefaultMesh(api, config);
  const { http, https } = settings.apiServer;
  for (const opened of openedBy(settings.apiServer)) log.warn(opened);
  if (http.enabled) await api.listen({ host: listenHost(http.interface), port: http.port });
  if (https.enabled) {
    const own = (await configuredCertificate(https, "apiServer.https")) ?? certificate;
    const clients = clientCertificates(settings.apiServer);
    const tls = { key: own.keyPem, cert: own.certPem, minVersion: nodeTlsVersion(https.tlsMinVersion), clients };
    await lifecycle.add("api over TLS", createApi(options, tls)).listen({ host: listenHost(https.interface), port: https.port });
  }

  views["zones"] = () => sessions.progress();
  diagnostics.notReady = null;
  log.info(
    { http: http.enabled ? http.port : undefined, https: https.enabled ? https.port : undefined, kds: kds.port, revision: config.revision },
    "global is ready",
  );
}

/** Everything that was ever issued. Read when it is asked for: nobody else needs it. */
async function readLedger(log: EventLog): Promise<IssuedToken[]> {
  const tokens: IssuedToken[] = [];
  for await (const batch of readToHead(log, ledgerTopic, 0)) {
    for (const { value } of batch) if (value) tokens.push(decodeJson(value) as IssuedToken);
  }
  return tokens;
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

/** Live inspection through the zone's sessions, here or with another instance of global, and what each zone's xDS servers say is applied. */
function proxiesThrough(
  kds: KdsServer,
  zones: ZoneReplicaSet,
  peersOf: (zone: string) => ((query: ZoneQuery) => Promise<Uint8Array>)[],
): Proxies {
  const ask = (zone: string, query: ZoneQuery) => {
    const peers = peersOf(zone).map((peer) => () => peer(query));
    return inspectAnywhere([() => inspectThrough(kds.sessions(zone), zone, query), ...peers], zone);
  };
  return {
    fleet: async (zone, question) => JSON.parse(new TextDecoder().decode(await ask(zone, { subject: "fleet", question }))) as FleetAnswer,
    inspect: async ({ zone, type, mesh, name }, query) => {
      try {
        return await ask(zone, { proxy: { type, mesh, name }, ...query });
      } catch (error) {
        if (error instanceof QueryError)
          throw new ApiError({ status: 400, title: "Could not execute admin operation", detail: error.message });
        throw error;
      }
    },
    withheld: () => Object.fromEntries(zones.names().map((zone) => [zone, withheldOf(zones.reader(zone)!)])),
    tokenHolders: (key) => zones.names().reduce((sum, zone) => sum + tokenHoldersOf(zones.reader(zone)!, key), 0),
    appliedRevisions: () => Object.fromEntries(zones.names().map((zone) => [zone, appliedRevisionOf(zones.reader(zone)!)])),
    watchApplied: (listener) =>
      zones.watch(({ keys }) => {
        if (keys.some((key) => key.startsWith("ProxyStatus/"))) listener();
      }),
  };
}
