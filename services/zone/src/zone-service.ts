import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  ApiError,
  appliedRevisionOf,
  createApi,
  createMonitoringApi,
  guiSetting,
  keyRingPorts,
  kubernetesService,
  maskedSettings,
  withheldOf,
  type ApiOptions,
} from "@atoll/api";
import { configuredCertificate, loadServiceCertificate } from "@atoll/certificate";
import { EmbeddedLog } from "@atoll/event-log";
import {
  connectZone,
  fleetThrough,
  inspectThrough,
  openRelay,
  QueryError,
  RefusalNotice,
  startKdsServer,
  zoneAccess,
  zoneTokenVerifier,
} from "@atoll/kds";
import { ConfigReplica, joinWatched, ZoneConfiguration, ZoneInEffect, ZoneReplica } from "@atoll/replica";
import { typesOf, virtualIpType, type VirtualIpSpec } from "@atoll/resource";
import {
  clientCertificates,
  Diagnostics,
  expandPath,
  instanceName,
  issuerAddress,
  Lifecycle,
  nodeTlsVersion,
  openedBy,
  readerGate,
  tokenSource,
  userTokenVerification,
  zoneTokenVerification,
  version,
  watchTokenFile,
  type Logger,
  listenHost,
} from "@atoll/runtime";
import type { KeyRing } from "@atoll/secret";
import { ConnectionSignal, OfflineCleanup, ProducerPolicies, scheduleTimeout, ZoneLog, ZoneSync } from "@atoll/sync";
import { configuredKeys, createRemoteIssuer, resourceKeys, resourceRevocations, verifyUserToken } from "@atoll/token";
import { openKafkaUpstream } from "./kafka-upstream.ts";
import type { ZoneSettings } from "./settings.ts";
import { openInventory } from "./shared-inventory.ts";
import { assertFolderOf } from "./zone-folder.ts";
import { ZoneKeyStore } from "./zone-key.ts";
import { showZoneMetrics } from "./zone-metrics.ts";

/** A zone's sync service: the one process of the zone that talks to global, and the relay for its xDS replicas. */
export async function startZone(settings: ZoneSettings, logger: Logger): Promise<{ close(): Promise<void> }> {
  const log = logger.child({ zone: settings.multizone.zone.name });
  return Lifecycle.opening(log, (lifecycle) => open(settings, log, lifecycle));
}

async function open(settings: ZoneSettings, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const { name: zone, globalAddress, kds: upstreamTls, heartbeatIntervalMs, livenessGraceMs, leaseMs } = settings.multizone.zone;
  const token = tokenSource(settings.multizone.zone, "multizone.zone.token");
  const workDir = expandPath(settings.general.workDir);
  mkdirSync(workDir, { recursive: true });
  const instanceId = instanceName(`zone-${zone}`, settings.apiServer.http.port);
  const onError = (error: unknown) => log.warn({ err: error }, (error as Error).message);

  const diagnostics = lifecycle.add(
    "diagnostics",
    await Diagnostics.open(settings, "opening the log", { service: "zone", instanceId, zone }, log),
  );
  const { views } = diagnostics;

  const embedded = lifecycle.add("log", await EmbeddedLog.open({ path: join(workDir, "log.sqlite") }));
  const local = new ZoneLog(embedded, zone);
  const config = lifecycle.add("configuration", await ConfigReplica.open({ log: local, observer: diagnostics.replica, onError }));
  diagnostics.observe(config);
  const decided = new ZoneInEffect(zone, config, onError);
  const resources = lifecycle.add("resources", await ZoneReplica.open({ log: local, zone, onError }));
  const inventory = lifecycle.add("inventory", await openInventory(settings.inventory, zone, onError));

  const keys = await ZoneKeyStore.open(workDir);
  const checkpoint = await keys.read();
  await assertFolderOf(zone, { workDir, checkpoint, config, log: embedded });
  const ring: { zone?: KeyRing["zone"] } = { zone: checkpoint?.key };
  const upstream = new ConnectionSignal();
  const notice = new RefusalNotice();
  diagnostics.checks.push(() => notice.because);
  const connection = connectZone({
    addresses: globalAddress.split(","),
    tls: {
      ca: upstreamTls.rootCaFile === undefined ? undefined : readFileSync(expandPath(upstreamTls.rootCaFile), "utf8"),
      skipVerify: upstreamTls.tlsSkipVerify,
    },
    token,
    zone,
    clusterId: checkpoint?.clusterId,
    version: version.kuma,
    instanceId,
    // `store` is where clients look for what keeps a zone's resources.
    configJson: JSON.stringify(maskedSettings({ ...withoutToken(settings), store: { type: "log" } })),
    progress: () => ({ revision: config.revision, checksum: config.checksum() }),
    answer: async (query) =>
      query.subject === "fleet"
        ? Buffer.from(JSON.stringify(await fleetThrough(relay.sessions(zone), zone, query.question)))
        : inspectThrough(relay.sessions(zone), zone, query),
    onRegistered: (registration) => {
      notice.letIn();
      if (registration.sealingKey !== undefined) {
        ring.zone = registration.sealingKey;
        keys.write({ zone, clusterId: registration.clusterId, key: registration.sealingKey }).catch(onError);
      }
      for (const warning of registration.warnings) log.warn(warning);
      log.info({ cluster: registration.clusterId }, "registered with global");
    },
    onHeartbeat: () => upstream.set(true),
    onDisconnected: (refusal, delayMs) => {
      upstream.set(false);
      log.warn({ reason: refusal.reason, delayMs }, "no session with global; serving what the zone has");
    },
    onRefused: (refusal) => {
      upstream.set(false);
      log.error({ reason: refusal.reason }, "global refuses this zone");
      notice.refuse(
        `global refuses this zone, which serves what it has: ${refusal.reason}`,
        new Error(`global refuses this zone: ${refusal.reason}`),
      );
    },
    onAlarm: (alarm) => log.error({ alarm }, `the mirror of the configuration is ${alarm.type}`),
  });
  lifecycle.add("connection", connection);
  lifecycle.add(
    "token file",
    watchTokenFile(settings.multizone.zone, () => connection.reconnect()),
  );
  // A zone that has served before goes on with what it has; a new one can't begin without global.
  diagnostics.notReady = "waiting for global";
  if (ring.zone === undefined) await Promise.race([connection.registered, notice.refused]);

  const certificate = await loadServiceCertificate({ ...settings.general, workDir, nowMs: Date.now() });
  const kafka = await openKafkaUpstream(settings.log, log);
  if (kafka) lifecycle.add("Kafka", kafka.log);
  const sync = await ZoneSync.open({
    zone,
    local,
    upstream: kafka?.log ?? connection.log,
    connection: kafka?.connection ?? upstream,
    config,
    decided,
    resources,
    inventory,
    self: {
      instance: instanceId,
      address: settings.relay.advertisedAddress ?? `grpcs://${hostname()}:${settings.relay.port}`,
      certificate: certificate.certPem,
    },
    dial: (writer) => openRelay({ address: writer.address, tls: { pinned: writer.certificate }, token }),
    leaseMs,
    heartbeatIntervalMs,
    graceMs: livenessGraceMs,
    names: settings.dnsServer,
    onMeshEnded: (mesh, count) => log.info({ mesh, resources: count }, "a mesh ended, and what this zone had in it"),
    onNameConflict: (mesh, conflict) =>
      log.warn({ mesh, ...conflict }, "a name and port is asked for twice; it goes to the first, by name, and the other is left out"),
    services: {
      cidrs: {
        MeshService: settings.ipam.meshService.cidr,
        MeshExternalService: settings.ipam.meshExternalService.cidr,
        MeshMultiZoneService: settings.ipam.meshMultiZoneService.cidr,
      },
      deletionGracePeriodMs: settings.meshService.deletionGracePeriodMs,
      defaultHostnameGenerators: !settings.defaults.skipHostnameGenerators,
      environment: settings.environment,
    },
    onServiceConflict: (mesh, conflict) => log.warn({ mesh, ...conflict }, "Dataplanes disagree on the ports of a service"),
    onRole: ({ writes, term, writer }) => {
      if (writes || writer)
        log.info({ term, writer }, writes ? "this instance writes for the zone" : "another instance writes for the zone");
    },
    onError,
  });
  lifecycle.add("sync", sync);
  diagnostics.checks.push(() => sync.status().mirrors.find(({ foreign }) => foreign)?.trouble);
  const { dataplaneCleanupAgeMs: dataplaneMs, zoneResourceCleanupAgeMs: zoneProxyMs } = settings.runtime.universal;
  lifecycle.add(
    "cleanup",
    new OfflineCleanup({
      resources,
      ages: { dataplaneMs, zoneProxyMs },
      clock: Date.now,
      schedule: scheduleTimeout,
      onRemoved: ({ type, mesh, name }) => log.info({ type, mesh, name }, "removed what had been offline for long"),
      onError,
    }),
  );
  if (checkpoint === undefined) await Promise.race([sync.configMirrored, notice.refused]);
  // A zone with a new disk first hears of the others what Redis may still know.
  void (checkpoint === undefined ? sync.inventoriesMirrored() : Promise.resolve()).then(() => inventory.markComplete());

  const producerPolicies = new ProducerPolicies(zone, sync.feed, onError);
  const { apiServer, dpServer } = settings;
  const keysInUse = configuredKeys(
    { user: userTokenVerification(apiServer.authn), zone: zoneTokenVerification(dpServer.authn) },
    resourceKeys(config, ring),
  );
  const verification = () => ({ keys: keysInUse, revocations: resourceRevocations(config, ring), nowMs: Date.now() });
  const relay = await startKdsServer({
    host: listenHost(settings.relay.interface),
    port: settings.relay.port,
    tls: { certificate: certificate.certPem, key: certificate.keyPem },
    log: local,
    allows: zoneAccess(zone),
    verify: zoneTokenVerifier(verification),
    onlyZone: zone,
    version: version.kuma,
    instanceId,
    clusterId: () => connectionClusterId(),
    sealingKey: () => ring.zone,
    progress: () => ({ revision: config.revision, checksum: config.checksum() }),
    heartbeatIntervalMs,
  });
  lifecycle.add("relay", relay);
  const connectionClusterId = (): string | undefined => config.get<{ config: string }>("Config", "", "kuma-cluster-id")?.spec.config;
  config.watch(({ keys: changed }) => {
    if (changed.some((key) => key.startsWith("TokenVerificationKey/") || key.includes("token-revocations"))) void relay.recheck();
  });

  const issuer = issuerAddress(settings.tokens, log);
  const options: ApiOptions = {
    settings: {
      mode: "zone",
      zone,
      localhostIsAdmin: settings.apiServer.authn.localhostIsAdmin,
      localhostByAddressAlone: settings.apiServer.authn.localhostByAddressAlone,
      readOnly: settings.apiServer.readOnly,
      ...(settings.apiServer.gui.enabled && guiSetting()),
      basePath: settings.apiServer.basePath,
      clusterId: () => connectionClusterId() ?? "",
      instanceId,
      hostname: hostname(),
      shownConfig: maskedSettings({ mode: "zone", ...settings }),
      issueTokens: {
        dataplane: dpServer.authn.dpProxy.dpToken.enableIssuer,
        zone: dpServer.authn.zoneProxy.zoneToken.enableIssuer,
        user: apiServer.authn.tokens.enableIssuer,
      },
      access: settings.access.static,
      authentication: settings.apiServer.authn.type,
      corsAllowedDomains: settings.apiServer.corsAllowedDomains,
      unsafeDelete: false,
      createMeshRoutingResources: false,
    },
    config,
    zoneStore: resources,
    producerPolicies,
    watchObserved: (listener) => resources.watch(({ keys: changed }) => listener(typesOf(changed))),
    inventory,
    ...keyRingPorts(ring, Date.now),
    issueToken: (kind, request, author) =>
      createRemoteIssuer({ ...issuer, bearer: token(), revision: () => config.revision })(kind, request, author),
    verifyUserToken: async (presented) => {
      // The zone's own services show its token, which also lets them write its log.
      const service = await zoneTokenVerifier(verification)(presented);
      if ("zone" in service && service.zone === zone) return kubernetesService;
      const { name, groups } = await verifyUserToken(presented, verification());
      return { name, groups: groups ?? [] };
    },
    proxies: {
      inspect: async (proxy, query) => {
        try {
          return await inspectThrough(relay.sessions(zone), zone, {
            proxy: { type: proxy.type, mesh: proxy.mesh, name: proxy.name },
            ...query,
          });
        } catch (error) {
          if (error instanceof QueryError)
            throw new ApiError({ status: 400, title: "Could not execute admin operation", detail: error.message });
          throw error;
        }
      },
      fleet: (_zone, question) => fleetThrough(relay.sessions(zone), zone, question),
      withheld: () => ({ [zone]: withheldOf(resources) }),
      appliedRevisions: () => ({ [zone]: appliedRevisionOf(resources) }),
      watchApplied: (listener) =>
        resources.watch(({ keys: changed }) => {
          if (changed.some((key) => key.startsWith("ProxyStatus/"))) listener();
        }),
    },
    now: Date.now,
    newId: randomUUID,
    requests: diagnostics.requests,
    onRefused: diagnostics.refusals.to(log),
    onError: (error, call) => log.error({ err: error, ...call }, "request failed"),
  };
  const { http, https } = settings.apiServer;
  for (const opened of openedBy(settings.apiServer)) log.warn(opened);
  if (http.enabled) await lifecycle.add("api", createApi(options)).listen({ host: listenHost(http.interface), port: http.port });
  if (https.enabled) {
    const own = (await configuredCertificate(https, "apiServer.https")) ?? certificate;
    const clients = clientCertificates(settings.apiServer);
    const tls = { key: own.keyPem, cert: own.certPem, minVersion: nodeTlsVersion(https.tlsMinVersion), clients };
    await lifecycle.add("api over TLS", createApi(options, tls)).listen({ host: listenHost(https.interface), port: https.port });
  }

  const { monitoringAssignmentServer: discovery } = settings;
  if (discovery.port !== 0) {
    const watch = (listener: (keys: readonly string[]) => void) => {
      const ends = [decided, resources].map((one) => one.watch(({ keys }) => listener(keys)));
      return () => ends.forEach((end) => end());
    };
    const gate = readerGate(discovery, "monitoringAssignmentServer");
    const pair = await configuredCertificate(discovery, "monitoringAssignmentServer");
    const tls = pair && { key: pair.keyPem, cert: pair.certPem, minVersion: nodeTlsVersion(discovery.tlsMinVersion) };
    const monitoring = createMonitoringApi(
      {
        config: new ZoneConfiguration(decided, joinWatched(resources, producerPolicies)),
        zone: resources,
        watch,
        defaultFetchTimeoutMs: discovery.defaultFetchTimeoutMs,
        refuse: (facts) => gate(facts, { name: "discovery of proxies", open: discovery.open }),
        onRefused: options.onRefused,
      },
      tls,
    );
    await lifecycle.add("monitoring assignments", monitoring).listen({ host: listenHost(discovery.interface), port: discovery.port });
  }

  showZoneMetrics(diagnostics, { sync, inventory, xdsServers: () => relay.sessions(zone).length });
  views["sync"] = () => sync.status();
  views["names"] = () => resources.list<VirtualIpSpec>(virtualIpType).map(({ mesh, name, spec }) => ({ mesh, name, ...spec }));
  views["inventory"] = () =>
    inventory.zones().map((name) => ({ zone: name, ingresses: inventory.ingresses(name), entries: inventory.entries(name) }));
  diagnostics.notReady = null;
  log.info({ http: http.enabled ? http.port : undefined, relay: relay.port, revision: config.revision }, "zone is ready");
}

function withoutToken(settings: ZoneSettings): object {
  const { token: _token, ...zone } = settings.multizone.zone;
  return { ...settings, multizone: { zone } };
}
