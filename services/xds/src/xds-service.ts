import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configuredCertificate, loadServiceCertificate } from "@atoll/certificate";
import { Compiler, formerAuthorities, formerAuthorityMs, SecretMaterials, WithheldSummary, zoneAdminTls } from "@atoll/compiler";
import { createTokenVerifier, DpServer, ProxyLifecycle, proxyTypes, resourceTypeOf, type ProxyAuthentication } from "@atoll/dp-server";
import { joinSyncService, type ProxyQuery } from "@atoll/kds";
import { ConfigReplica, joinWatched, ReplicaBeat, ZoneConfiguration, ZoneInEffect, ZoneReplica } from "@atoll/replica";
import {
  expandPath,
  instanceName,
  Diagnostics,
  nodeTlsVersion,
  dataplaneTokenVerification,
  zoneTokenVerification,
  Lifecycle,
  tokenSource,
  version,
  watchTokenFile,
  type Logger,
  listenHost,
} from "@atoll/runtime";
import { InventoryFeed, liveInventory, ProducerPolicies } from "@atoll/sync";
import { configuredKeys, resourceKeys, resourceRevocations } from "@atoll/token";
import { SnapshotCache } from "@atoll/xds";
import { nodeIdOf } from "@atoll/resource";
import { readYaml } from "@atoll/yaml";
import { AppliedReporter, type AppliedReport } from "./applied-report.ts";
import { openConfigurationLog } from "./direct-configuration.ts";
import { queryEnvoy, quitEnvoy } from "./envoy-admin.ts";
import { FinishedProxies } from "./finished-proxies.ts";
import { answerFleet, formerConfiguration } from "./fleet-answer.ts";
import { explained, trialOf } from "./decided-configuration.ts";
import { ProxyWatch } from "./proxy-watch.ts";
import type { XdsSettings } from "./settings.ts";
import { openServiceAccounts } from "./service-accounts.ts";
import { openInventory } from "./shared-inventory.ts";

/** An xDS server: what a zone's proxies talk to. Any number of them share the zone's proxies. */
export async function startXds(settings: XdsSettings, logger: Logger): Promise<{ port: number; close(): Promise<void> }> {
  const log = logger.child({ zone: settings.multizone.zone.name });
  const lifecycle = new Lifecycle(log);
  try {
    const { port, status } = await open(settings, log, lifecycle);
    return { port, close: () => status.retire().then(() => lifecycle.close()) };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function open(
  settings: XdsSettings,
  log: Logger,
  lifecycle: Lifecycle,
): Promise<{ port: number; status: ReplicaBeat<AppliedReport> }> {
  const zone = settings.multizone.zone.name;
  const token = tokenSource(settings.multizone.zone, "multizone.zone.token");
  const workDir = expandPath(settings.general.workDir);
  const instanceId = settings.general.instanceId ?? instanceName(`xds-${zone}`, settings.dpServer.port);
  const onError = (error: unknown) => log.warn({ err: error }, (error as Error).message);

  const diagnostics = lifecycle.add(
    "diagnostics",
    await Diagnostics.open(settings, "waiting for the zone's sync service", { service: "xds", instanceId, zone }, log),
  );
  const { views } = diagnostics;

  const { address, rootCaFile = join(workDir, "tls.crt"), tlsSkipVerify } = settings.zone;
  const { connection, ring, notice } = joinSyncService({
    self: "server",
    meanwhile: "proxies keep what they have",
    log,
    addresses: address.split(","),
    tls: { ...(tlsSkipVerify ? {} : { ca: readFileSync(expandPath(rootCaFile), "utf8") }), skipVerify: tlsSkipVerify },
    token,
    zone,
    version: version.kuma,
    instanceId,
    progress: () => ({ revision: config?.revision ?? 0, checksum: config?.checksum() ?? "" }),
    answer: async (query) => {
      if (query.subject === "fleet")
        return Buffer.from(JSON.stringify(await answerFleet(query.question, { zone, config: config!, ofZones, compiler })));
      if (query.subject === "explain" || query.subject === "config") return shown(query);
      return queryEnvoy({ resources, adminAddress, adminTls }, query);
    },
  });
  diagnostics.checks.push(() => notice.because);
  lifecycle.add("connection", connection);
  lifecycle.add(
    "token file",
    watchTokenFile(settings.multizone.zone, () => connection.reconnect()),
  );
  let config: ConfigReplica | undefined;
  await Promise.race([connection.registered, notice.refused]);
  const follow = { log: connection.log, signal: lifecycle.signal, onError };
  const configurationLog = await openConfigurationLog(settings.log, connection.log, lifecycle, log);
  config = lifecycle.add(
    "configuration",
    await Promise.race([ConfigReplica.open({ ...follow, log: configurationLog, observer: diagnostics.replica }), notice.refused]),
  );
  const resources = lifecycle.add("resources", await ZoneReplica.open({ ...follow, zone }));
  diagnostics.observe(config);
  const inventory = lifecycle.add("inventory", await openInventory(settings.inventory, zone, log));
  const feed = lifecycle.add("inventory feed", await InventoryFeed.open({ ...follow, config, inventory, zone }));

  const decided = new ZoneInEffect(zone, config, onError);
  const ofZones = joinWatched(resources, new ProducerPolicies(zone, feed, onError));
  const inEffect = new ZoneConfiguration(decided, ofZones);
  const cache = new SnapshotCache();
  const withheld = new WithheldSummary({
    withheld: ({ proxies: _proxies, examples: [proxy], ...report }) =>
      log.warn({ proxy, ...report }, "withheld from Envoy, which would not take it; the rest is served"),
    released: ({ part, reason, resources }) => log.info({ part, reason, resources }, "nothing of it is withheld any more"),
  });
  const reporter = lifecycle.add(
    "applied revisions",
    new AppliedReporter({
      cache,
      revision: () => config!.revision,
      withheld: () => withheld.reports(),
      tokenKeys: () => dpServer?.tokenKeys() ?? {},
      publish: (report) => status.publish(report),
    }),
  );
  const adminTls = ring.zone && (await zoneAdminTls(ring.zone, zone, Date.now()));
  const former = await formerAuthorities({
    config,
    at: (revision) => config!.at(revision),
    keyRing: ring,
    sinceMs: Date.now() - formerAuthorityMs,
  });
  const materials = lifecycle.add(
    "certificates",
    new SecretMaterials({
      config: inEffect,
      keyRing: ring,
      now: Date.now,
      ...(adminTls && { adminTls }),
      formerAuthorities: former,
      onIssued: (nodeId, issued) => {
        lifecycleOfProxies.recordCertificate(nodeId, issued);
        compiler.rebuild(nodeId);
      },
      onChanged: () => compiler.rebuildAll(),
      onError: (error, nodeId, secret) =>
        log.warn({ err: error, proxy: nodeId, secret, askers: compiler.askersOf(nodeId, secret) }, "cannot make a secret"),
    }),
  );
  let lastRound: unknown;
  let dpServer: DpServer | undefined;
  const compiler = lifecycle.add(
    "compiler",
    new Compiler({
      zone,
      config: inEffect,
      trial: () => trialOf(decided, ofZones),
      zoneResources: resources,
      inventory: liveInventory(inventory, feed),
      viewOptions: { parseYaml: readYaml },
      materials,
      cache,
      onError: (error, nodeId) =>
        log.error(
          { err: error, proxy: nodeId, revision: config!.revision },
          "cannot build the configuration of a proxy; it keeps what it has",
        ),
      onWithheld: (nodeId, parts) => {
        withheld.set(nodeId, parts);
        reporter.changed();
      },
      onRound: (round) => {
        watch.built(round);
        lastRound = { ...round, at: Date.now() };
        reporter.changed();
      },
    }),
  );
  const finished = lifecycle.add(
    "finished proxies",
    new FinishedProxies({
      resources,
      isServed: (mesh, name) => cache.ackedRevision(nodeIdOf({ proxyType: "dataplane", mesh, name })) > 0,
      later: (run) => void setTimeout(run, 1_000).unref(),
      quit: (proxy) => quitEnvoy({ resources, adminAddress, adminTls }, proxy),
      onQuit: (name) => log.info({ proxy: name }, "the proxy's workload has ended; its Envoy was told to end, too"),
      onError: (error, name) => log.warn({ err: error, proxy: name }, "the proxy's workload has ended, and its Envoy could not be told"),
    }),
  );
  const watch = new ProxyWatch({
    diagnostics,
    log,
    cache,
    revision: () => config!.revision,
    waiting: () => compiler.waiting,
    withheld: () => withheld.count,
    onApplied: () => {
      reporter.changed();
      finished.check();
    },
  });
  const lifecycleOfProxies = lifecycle.add(
    "proxies",
    new ProxyLifecycle({
      zone,
      instanceId,
      config,
      store: resources,
      deregistrationDelayMs: settings.xds.dataplaneDeregistrationDelayMs,
      insightFlushMs: settings.xds.dataplaneStatusFlushIntervalMs,
      keptSubscriptions: settings.metrics.dataplane.subscriptionLimit,
      clock: { now: () => new Date() },
      log,
    }),
  );

  const { replicaBeatIntervalMs: beatIntervalMs, replicaMissedBeats: missedBeats } = settings.xds;
  const status = lifecycle.add(
    "replica status",
    new ReplicaBeat<AppliedReport>({
      type: "ProxyStatus",
      report: { applied: null, proxies: 0, behind: [] },
      store: resources,
      instanceId,
      beatIntervalMs,
      missedBeats,
      owners: () => lifecycleOfProxies.owners(),
      onGone: (gone) => {
        log.warn({ instance: gone }, "another xDS server of the zone is gone; taking over its proxies");
        lifecycleOfProxies.adopt(gone);
      },
      onError,
    }),
  );

  const certificate =
    (await configuredCertificate(settings.dpServer, "dpServer")) ??
    (await loadServiceCertificate({ ...settings.general, workDir, nowMs: Date.now() }));
  const isOnCluster = settings.environment === "kubernetes";
  const authentication: ProxyAuthentication = {
    dataplanes: settings.dpServer.authn.dpProxy.type || (isOnCluster ? "serviceAccountToken" : "dpToken"),
    zoneProxies: settings.dpServer.authn.zoneProxy.type || (isOnCluster ? "serviceAccountToken" : "zoneToken"),
  };
  const usesServiceAccounts = Object.values(authentication).includes("serviceAccountToken");
  const { adminAddress, adminPort, adminAccessLogPath, xdsHost, xdsPort, xdsConnectTimeoutMs, corefileTemplatePath } =
    settings.bootstrapServer.params;
  const corefileTemplate = corefileTemplatePath === "" ? undefined : readFileSync(expandPath(corefileTemplatePath), "utf8");
  const { hds, authn } = settings.dpServer;
  const keys = configuredKeys(
    { dataplane: dataplaneTokenVerification(authn), zone: zoneTokenVerification(authn) },
    resourceKeys(config, ring),
  );
  dpServer = await DpServer.open({
    address: listenHost(settings.dpServer.interface),
    port: settings.dpServer.port,
    certificatePem: certificate.certPem,
    privateKeyPem: certificate.keyPem,
    minTlsVersion: nodeTlsVersion(settings.dpServer.tlsMinVersion),
    readHeaderTimeoutMs: settings.dpServer.readHeaderTimeoutMs,
    healthChecks: { reportEveryMs: hds.intervalMs, ...hds.checkDefaults },
    instanceId,
    version: version.kuma,
    cache,
    compiler,
    lifecycle: lifecycleOfProxies,
    store: resources,
    verifier: {
      ...createTokenVerifier(zone, { keys, revocations: resourceRevocations(config, ring) }, { now: () => new Date() }),
      ...(usesServiceAccounts && { serviceAccount: await openServiceAccounts(settings, lifecycle) }),
    },
    authentication,
    endStreamsOfDeletedKeys: authn.endStreamsOfDeletedKeys,
    bootstrap: (boundPort) => ({
      zone,
      config: config!,
      zoneResources: resources,
      authentication,
      certificateNames: certificate.names,
      certificatePem: certificate.certPem,
      adminAddress,
      adminPort,
      adminAccessLogPath,
      healthDiscovery: hds.enabled,
      reloadableTokens: authn.enableReloadableTokens,
      xdsConnectTimeoutMs,
      xdsHost,
      xdsPort: xdsPort || boundPort,
      maxDownstreamConnections: settings.proxy.gateway.globalDownstreamMaxConnections,
      corefileTemplate,
    }),
    log,
    watch: {
      onSend: (event) => watch.onSend(event),
      onAck: (event) => watch.onAck(event),
      onNack: (event) => watch.onNack(event),
      onApplied: (nodeId, revision) => watch.onApplied(nodeId, revision),
      onDisconnected: (nodeId) => watch.onDisconnected(nodeId),
      onRefused: () => watch.onRefused(),
    },
  });
  lifecycle.add("dataplane server", dpServer);
  config.watch(({ keys: changed }) => {
    if (changed.some((key) => key.startsWith("TokenVerificationKey/") || key.includes("token-revocations")))
      dpServer.endWithdrawn().catch(onError);
  });

  async function shown(query: Extract<ProxyQuery, { subject: "explain" | "config" }>): Promise<Uint8Array> {
    const { type, mesh, name } = query.proxy;
    const nodeId = nodeIdOf({ proxyType: proxyTypes.find((one) => resourceTypeOf[one] === type) ?? "dataplane", mesh, name });
    const { revision } = query;
    const then = revision === undefined ? undefined : await formerConfiguration(revision, { zone, nodeId, config: config!, ofZones });
    const answer =
      query.subject === "explain"
        ? explained(compiler.explain(nodeId, then), then?.decision ?? decided.decision, nodeId)
        : compiler.computed(nodeId, query, then);
    if (answer === undefined) throw new Error(`${type} ${name} is not connected`);
    return Buffer.from(JSON.stringify(answer));
  }

  views["streams"] = () => dpServer.report();
  views["applied"] = () => reporter.current();
  views["withheld"] = () => withheld.reports();
  views["round"] = () => lastRound;
  views["sent"] = () => compiler.sent();
  views["views"] = () => Object.fromEntries(cache.nodeIds().map((nodeId) => [nodeId, compiler.view(nodeId)]));
  diagnostics.notReady = null;
  log.info({ port: dpServer.port, revision: config.revision }, "xDS server is ready");
  return { port: dpServer.port, status };
}
