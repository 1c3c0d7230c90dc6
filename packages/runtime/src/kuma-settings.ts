/**
 * What Atoll does with a setting of Kuma 2.10's control plane (its YAML file and `KUMA_*` variables).
 * `used`: the same name and meaning, or those of `as`. `ignored`: has no effect, `why` says what to do instead. `refused`: other values
 * than `harmless` end the start, since going on without them would be dangerous.
 */
export type KumaSetting = { path: string; /** "" = only in the file. */ variable: string } & (
  | { state: "used"; as: string }
  | { state: "ignored"; why: string }
  | { state: "refused"; why: string; harmless: readonly unknown[] }
);

/** Settings of Kuma's that are Atoll's under the same name. A name that ends in `Ms` here takes Kuma's durations there. */
const same = `
  general.workDir general.tlsCertFile general.tlsKeyFile
  apiServer.http.enabled apiServer.http.interface apiServer.http.port
  apiServer.https.enabled apiServer.https.interface apiServer.https.port apiServer.https.tlsCertFile apiServer.https.tlsKeyFile
  apiServer.https.tlsCaFile apiServer.https.tlsMinVersion apiServer.https.requireClientCert
  apiServer.auth.clientCertsDir apiServer.readOnly apiServer.basePath apiServer.corsAllowedDomains
  apiServer.authn.type apiServer.authn.localhostIsAdmin
  apiServer.authn.tokens.bootstrapAdminToken apiServer.authn.tokens.enableIssuer
  apiServer.authn.tokens.validator.useSecrets apiServer.authn.tokens.validator.publicKeys
  access.type
  access.static.adminResources.users access.static.adminResources.groups
  access.static.generateDpToken.users access.static.generateDpToken.groups
  access.static.generateUserToken.users access.static.generateUserToken.groups
  access.static.generateZoneToken.users access.static.generateZoneToken.groups
  access.static.viewConfigDump.users access.static.viewConfigDump.groups
  access.static.viewStats.users access.static.viewStats.groups
  access.static.viewClusters.users access.static.viewClusters.groups
  access.static.controlPlaneMetadata.users access.static.controlPlaneMetadata.groups
  dpServer.port dpServer.tlsCertFile dpServer.tlsKeyFile dpServer.tlsMinVersion
  dpServer.authn.dpProxy.type dpServer.authn.dpProxy.dpToken.enableIssuer
  dpServer.authn.dpProxy.dpToken.validator.useSecrets dpServer.authn.dpProxy.dpToken.validator.publicKeys
  dpServer.authn.zoneProxy.type dpServer.authn.zoneProxy.zoneToken.enableIssuer
  dpServer.authn.zoneProxy.zoneToken.validator.useSecrets dpServer.authn.zoneProxy.zoneToken.validator.publicKeys
  dpServer.authn.enableReloadableTokens
  dpServer.hds.enabled dpServer.hds.checkDefaults.healthyThreshold dpServer.hds.checkDefaults.unhealthyThreshold
  bootstrapServer.params.adminAddress bootstrapServer.params.adminPort bootstrapServer.params.adminAccessLogPath
  bootstrapServer.params.xdsHost bootstrapServer.params.xdsPort bootstrapServer.params.corefileTemplatePath
  multizone.global.kds.grpcPort multizone.global.kds.tlsCertFile multizone.global.kds.tlsKeyFile
  multizone.zone.name multizone.zone.globalAddress multizone.zone.kds.rootCaFile multizone.zone.kds.tlsSkipVerify
  store.unsafeDelete
  defaults.skipMeshCreation defaults.createMeshRoutingResources defaults.skipHostnameGenerators
  metrics.dataplane.subscriptionLimit metrics.zone.subscriptionLimit
  monitoringAssignmentServer.port monitoringAssignmentServer.tlsCertFile monitoringAssignmentServer.tlsKeyFile
  monitoringAssignmentServer.tlsMinVersion
  dnsServer.domain dnsServer.serviceVipEnabled dnsServer.serviceVipPort
  diagnostics.serverPort diagnostics.tlsEnabled diagnostics.tlsCertFile diagnostics.tlsKeyFile diagnostics.tlsMinVersion
  tracing.openTelemetry.enabled
  proxy.gateway.globalDownstreamMaxConnections
  environment mode store.kubernetes.systemNamespace multizone.zone.disableOriginLabelValidation experimental.sidecarContainers
  runtime.kubernetes.controlPlaneServiceName runtime.kubernetes.serviceAccountName runtime.kubernetes.allowedUsers
  runtime.kubernetes.admissionServer.address runtime.kubernetes.admissionServer.port runtime.kubernetes.admissionServer.certDir
  runtime.kubernetes.controllersConcurrency.podController runtime.kubernetes.skipMeshOwnerReference
  runtime.kubernetes.supportGatewaySecretsInAllNamespaces
  runtime.kubernetes.injector.caCertFile runtime.kubernetes.injector.cniEnabled runtime.kubernetes.injector.containerPatches runtime.kubernetes.injector.exceptions.labels runtime.kubernetes.injector.initContainer.image
  runtime.kubernetes.injector.ignoredServiceSelectorLabels runtime.kubernetes.injector.nodeLabelsToCopy runtime.kubernetes.injector.transparentProxyConfigMap
  runtime.kubernetes.injector.virtualProbesEnabled runtime.kubernetes.injector.virtualProbesPort runtime.kubernetes.injector.applicationProbeProxyPort
  runtime.kubernetes.injector.sidecarTraffic.excludeInboundPorts runtime.kubernetes.injector.sidecarTraffic.excludeOutboundPorts
  runtime.kubernetes.injector.sidecarTraffic.excludeInboundIPs runtime.kubernetes.injector.sidecarTraffic.excludeOutboundIPs
  runtime.kubernetes.injector.sidecarContainer.image runtime.kubernetes.injector.sidecarContainer.uid runtime.kubernetes.injector.sidecarContainer.gid runtime.kubernetes.injector.sidecarContainer.adminPort runtime.kubernetes.injector.sidecarContainer.drainTime runtime.kubernetes.injector.sidecarContainer.envVars
  runtime.kubernetes.injector.sidecarContainer.redirectPortInbound runtime.kubernetes.injector.sidecarContainer.redirectPortOutbound runtime.kubernetes.injector.sidecarContainer.ipFamilyMode runtime.kubernetes.injector.sidecarContainer.waitForDataplaneReady
  runtime.kubernetes.injector.sidecarContainer.readinessProbe.initialDelaySeconds runtime.kubernetes.injector.sidecarContainer.readinessProbe.timeoutSeconds
  runtime.kubernetes.injector.sidecarContainer.readinessProbe.periodSeconds runtime.kubernetes.injector.sidecarContainer.readinessProbe.successThreshold
  runtime.kubernetes.injector.sidecarContainer.readinessProbe.failureThreshold
  runtime.kubernetes.injector.sidecarContainer.livenessProbe.initialDelaySeconds runtime.kubernetes.injector.sidecarContainer.livenessProbe.timeoutSeconds
  runtime.kubernetes.injector.sidecarContainer.livenessProbe.periodSeconds runtime.kubernetes.injector.sidecarContainer.livenessProbe.failureThreshold
  runtime.kubernetes.injector.sidecarContainer.startupProbe.initialDelaySeconds runtime.kubernetes.injector.sidecarContainer.startupProbe.timeoutSeconds
  runtime.kubernetes.injector.sidecarContainer.startupProbe.periodSeconds runtime.kubernetes.injector.sidecarContainer.startupProbe.failureThreshold
  runtime.kubernetes.injector.sidecarContainer.resources.requests.cpu runtime.kubernetes.injector.sidecarContainer.resources.requests.memory
  runtime.kubernetes.injector.sidecarContainer.resources.limits.cpu runtime.kubernetes.injector.sidecarContainer.resources.limits.memory
  runtime.kubernetes.injector.builtinDNS.enabled runtime.kubernetes.injector.builtinDNS.port runtime.kubernetes.injector.builtinDNS.logging
  runtime.kubernetes.injector.ebpf.enabled runtime.kubernetes.injector.ebpf.instanceIPEnvVarName runtime.kubernetes.injector.ebpf.bpffsPath
  runtime.kubernetes.injector.ebpf.cgroupPath runtime.kubernetes.injector.ebpf.tcAttachIface runtime.kubernetes.injector.ebpf.programsSourcePath`;

/** Settings that have another name here. */
const renamed: Readonly<Record<string, string>> = {
  "dnsServer.CIDR": "dnsServer.cidr",
  "ipam.meshService.CIDR": "ipam.meshService.cidr",
  "ipam.meshExternalService.CIDR": "ipam.meshExternalService.cidr",
  "ipam.meshMultiZoneService.CIDR": "ipam.meshMultiZoneService.cidr",
  "meshService.deletionGracePeriod": "meshService.deletionGracePeriodMs",
  "monitoringAssignmentServer.defaultFetchTimeout": "monitoringAssignmentServer.defaultFetchTimeoutMs",
  "xdsServer.dataplaneStatusFlushInterval": "xds.dataplaneStatusFlushIntervalMs",
  "xdsServer.dataplaneDeregistrationDelay": "xds.dataplaneDeregistrationDelayMs",
  "bootstrapServer.params.xdsConnectTimeout": "bootstrapServer.params.xdsConnectTimeoutMs",
  "runtime.universal.dataplaneCleanupAge": "runtime.universal.dataplaneCleanupAgeMs",
  "runtime.universal.zoneResourceCleanupAge": "runtime.universal.zoneResourceCleanupAgeMs",
  "runtime.kubernetes.leaderElection.leaseDuration": "runtime.kubernetes.leaderElection.leaseDurationMs",
  "runtime.kubernetes.leaderElection.renewDeadline": "runtime.kubernetes.leaderElection.renewDeadlineMs",
  "dpServer.readHeaderTimeout": "dpServer.readHeaderTimeoutMs",
  "dpServer.hds.interval": "dpServer.hds.intervalMs",
  "dpServer.hds.checkDefaults.timeout": "dpServer.hds.checkDefaults.timeoutMs",
  "dpServer.hds.checkDefaults.interval": "dpServer.hds.checkDefaults.intervalMs",
};

/** What has no effect, by reason. `prefix.*` stands for everything below. */
const ignored: readonly (readonly [why: string, paths: string])[] = [
  [
    "there is no database: the log in general.workDir is the store; move what the database holds with atollctl migrate",
    "store.postgres.* store.upsert.*",
  ],
  ["nothing is cached that could be stale", "store.cache.*"],
  [
    "nothing polls and no message is resent on a timer: a change is pushed when it is written",
    `xdsServer.dataplaneConfigurationRefreshInterval xdsServer.nackBackoff dpServer.hds.refreshInterval
     multizone.global.kds.refreshInterval multizone.global.kds.zoneInsightFlushInterval multizone.global.kds.msgSendTimeout
     multizone.global.kds.nackBackoff multizone.global.kds.responseBackoff multizone.zone.kds.refreshInterval
     multizone.zone.kds.msgSendTimeout multizone.zone.kds.nackBackoff multizone.zone.kds.responseBackoff
     multizone.zone.ingressUpdateInterval experimental.kdsEventBasedWatchdog.* eventBus.bufferSize
     metrics.mesh.minResyncInterval metrics.mesh.fullResyncInterval metrics.mesh.bufferSize metrics.mesh.eventProcessors
     metrics.mesh.minResyncTimeout metrics.mesh.maxResyncTimeout
     runtime.universal.vipRefreshInterval ipam.allocationInterval meshService.generationInterval
     coreResources.status.meshMultiZoneServiceInterval coreResources.status.meshServiceInterval`,
  ],
  [
    "a record of the log has a limit of its own (4 MiB), and the relay another (10 MiB)",
    "multizone.global.kds.maxMsgSize multizone.zone.kds.maxMsgSize",
  ],
  ["connections between zones and global are always TLS", "multizone.global.kds.tlsEnabled"],
  ["no requests go to what is only checked: its interval always holds", "dpServer.hds.checkDefaults.noTrafficInterval"],
  ["the whole way of a change is one trace: tracing.openTelemetry.enabled", "multizone.global.kds.tracing.*"],
  ["traces go over HTTP: OTEL_EXPORTER_OTLP_ENDPOINT or tracing.openTelemetry.url says where to", "tracing.openTelemetry.endpoint"],
  ["sessions are judged by their heartbeats: multizone.global.kds.heartbeatIntervalMs", "multizone.global.kds.zoneHealthCheck.*"],
  ["labels reach the other side as they are: leave out those that should not", "multizone.global.kds.labels.* multizone.zone.kds.labels.*"],
  ["links follow the address that a request was sent to", "apiServer.rootUrl"],
  ["the web page is always at /gui below apiServer.basePath", "apiServer.gui.basePath apiServer.gui.rootUrl"],
  [
    "names are resolved by the runtime, and connections are tried again with a backoff of their own",
    "general.dnsCacheTTL general.resilientComponentBaseBackoff general.resilientComponentMaxBackoff",
  ],
  ["debug views are always there, for somebody at the machine and who has diagnostics.token", "diagnostics.debugEndpoints"],
  [
    "proxies are discovered in the one version there is, and changes are told at once",
    "monitoringAssignmentServer.apiVersions monitoringAssignmentServer.assignmentRefreshInterval",
  ],
  [
    "a proxy or zone is online while its stream is open, whether anything is said there or not",
    "metrics.dataplane.idleTimeout metrics.zone.idleTimeout",
  ],
  ["finished subscriptions are kept whole", "metrics.zone.compactFinishedSubscriptions"],
  ["metrics are those of docs/operating.md", "metrics.controlPlane.reportResourcesCount"],
  ["nothing is reported to anybody", "reports.enabled"],
  ["there are no tenants", "defaults.skipTenantResources"],
  ["internal networks are the private ones, as by default; the list is fixed", "ipam.knownInternalCIDRs"],
  ["every kind is known; policies with a targetRef have no effect", "policies.pluginPoliciesEnabled coreResources.enabled"],
  ["replicas find each other through the log", "interCp.catalog.* interCp.server.port interCp.server.tlsMinVersion"],
  [
    "a change costs one call, and calls are few: there is nothing to limit and nothing to keep",
    "runtime.kubernetes.clientConfig.qps runtime.kubernetes.clientConfig.burstQps runtime.kubernetes.marshalingCacheExpirationTime",
  ],
  [
    "nodes are not tainted: let the CNI plugin's own DaemonSet hold back pods",
    `runtime.kubernetes.nodeTaintController.enabled runtime.kubernetes.nodeTaintController.cniApp
     runtime.kubernetes.nodeTaintController.cniNamespace`,
  ],
  [
    "Kuma's experiments are not there",
    `experimental.kubeOutboundsAsVIPs experimental.useTagFirstVirtualOutboundModel experimental.ingressTagFilters
     experimental.autoReachableServices`,
  ],
];

const tlsLimits = "the limit is not there, and without it weaker TLS would be spoken than you asked for: put a TLS proxy in front";

/** What would be dangerous to go on without, with the values that ask for nothing. */
const refused: readonly (readonly [why: string, harmless: readonly unknown[], paths: string])[] = [
  [
    "the log in general.workDir is the store, a file on this machine or Kafka (log.kafka.brokers): unset it, give the folder a disk that " +
      "lasts, and move what the old store holds with atollctl migrate",
    ["memory", "kubernetes"],
    "store.type",
  ],
  [tlsLimits, ["TLSv1_2"], "general.tlsMinVersion multizone.global.kds.tlsMinVersion"],
  [
    tlsLimits,
    ["TLSv1_3"],
    `general.tlsMaxVersion apiServer.https.tlsMaxVersion dpServer.tlsMaxVersion multizone.global.kds.tlsMaxVersion
     diagnostics.tlsMaxVersion monitoringAssignmentServer.tlsMaxVersion interCp.server.tlsMaxVersion`,
  ],
  [
    tlsLimits,
    [],
    `general.tlsCipherSuites apiServer.https.tlsCipherSuites dpServer.tlsCipherSuites multizone.global.kds.tlsCipherSuites
     diagnostics.tlsCipherSuites monitoringAssignmentServer.tlsCipherSuites interCp.server.tlsCipherSuites`,
  ],
];

/** Variables whose names do not follow from the path. */
const variables: Readonly<Record<string, string>> = {
  "xdsServer.dataplaneDeregistrationDelay": "XDS_DATAPLANE_DEREGISTRATION_DELAY",
  "access.static.viewConfigDump.users": "ACCESS_STATIC_GET_CONFIG_DUMP_USERS",
  "access.static.viewConfigDump.groups": "ACCESS_STATIC_GET_CONFIG_DUMP_GROUPS",
  "dpServer.hds.checkDefaults.timeout": "DP_SERVER_HDS_CHECK_TIMEOUT",
  "dpServer.hds.checkDefaults.interval": "DP_SERVER_HDS_CHECK_INTERVAL",
  "dpServer.hds.checkDefaults.healthyThreshold": "DP_SERVER_HDS_CHECK_HEALTHY_THRESHOLD",
  "dpServer.hds.checkDefaults.unhealthyThreshold": "DP_SERVER_HDS_CHECK_UNHEALTHY_THRESHOLD",
  "dpServer.hds.checkDefaults.noTrafficInterval": "DP_SERVER_HDS_CHECK_NO_TRAFFIC_INTERVAL",
  "runtime.kubernetes.injector.virtualProbesEnabled": "RUNTIME_KUBERNETES_VIRTUAL_PROBES_ENABLED",
  "runtime.kubernetes.injector.virtualProbesPort": "RUNTIME_KUBERNETES_VIRTUAL_PROBES_PORT",
  "runtime.kubernetes.injector.applicationProbeProxyPort": "RUNTIME_KUBERNETES_APPLICATION_PROBE_PROXY_PORT",
  "runtime.kubernetes.injector.exceptions.labels": "RUNTIME_KUBERNETES_EXCEPTIONS_LABELS",
  "runtime.kubernetes.injector.sidecarTraffic.excludeInboundPorts": "RUNTIME_KUBERNETES_SIDECAR_TRAFFIC_EXCLUDE_INBOUND_PORTS",
  "runtime.kubernetes.injector.sidecarTraffic.excludeOutboundPorts": "RUNTIME_KUBERNETES_SIDECAR_TRAFFIC_EXCLUDE_OUTBOUND_PORTS",
  "runtime.kubernetes.injector.sidecarTraffic.excludeInboundIPs": "RUNTIME_KUBERNETES_SIDECAR_TRAFFIC_EXCLUDE_INBOUND_IPS",
  "runtime.kubernetes.injector.sidecarTraffic.excludeOutboundIPs": "RUNTIME_KUBERNETES_SIDECAR_TRAFFIC_EXCLUDE_OUTBOUND_IPS",
  "runtime.kubernetes.injector.sidecarContainer.gid": "RUNTIME_KUBERNETES_INJECTOR_SIDECAR_CONTAINER_GUI",
  "runtime.kubernetes.injector.transparentProxyConfigMap": "RUNTIME_KUBERNETES_INJECTOR_TRANSPARENT_PROXY_CONFIGMAP_NAME",
  "runtime.kubernetes.injector.initContainer.image": "INJECTOR_INIT_CONTAINER_IMAGE",
  "runtime.kubernetes.injector.sidecarContainer.resources.requests.cpu": "INJECTOR_SIDECAR_CONTAINER_RESOURCES_REQUESTS_CPU",
  "runtime.kubernetes.injector.sidecarContainer.resources.requests.memory": "INJECTOR_SIDECAR_CONTAINER_RESOURCES_REQUESTS_MEMORY",
  "runtime.kubernetes.injector.sidecarContainer.resources.limits.cpu": "INJECTOR_SIDECAR_CONTAINER_RESOURCES_LIMITS_CPU",
  "runtime.kubernetes.injector.sidecarContainer.resources.limits.memory": "INJECTOR_SIDECAR_CONTAINER_RESOURCES_LIMITS_MEMORY",
  "runtime.kubernetes.injector.ebpf.instanceIPEnvVarName": "RUNTIME_KUBERNETES_INJECTOR_EBPF_INSTANCE_IP_ENV_VAR_NAME",
  "policies.pluginPoliciesEnabled": "PLUGIN_POLICIES_ENABLED",
};

/** `["apiServer", "http", "port"]` -> `API_SERVER_HTTP_PORT`. OpenTelemetry is one word. */
export function variableName(path: readonly string[]): string {
  const words = (part: string) => part.replace("openTelemetry", "opentelemetry").replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  return path.map((part) => words(part).toUpperCase()).join("_");
}

const words = (text: string): string[] => text.trim().split(/\s+/);
/** Lists of objects are read from the file alone. */
const variableOf = (path: string): string =>
  path.endsWith(".publicKeys") ? "" : `KUMA_${variables[path] ?? variableName(path.split("."))}`;

/** Every setting of Kuma 2.10's control plane, sorted by path; everything below `prefix.*` in one row. */
export const kumaSettings: readonly KumaSetting[] = [
  ...words(same).map((path): KumaSetting => ({ path, variable: variableOf(path), state: "used", as: path })),
  ...Object.entries(renamed).map(([path, as]): KumaSetting => ({ path, variable: variableOf(path), state: "used", as })),
  ...ignored.flatMap(([why, paths]) =>
    words(paths).map((path): KumaSetting => ({ path, variable: variableOf(path), state: "ignored", why })),
  ),
  ...refused.flatMap(([why, harmless, paths]) =>
    words(paths).map((path): KumaSetting => ({ path, variable: variableOf(path), state: "refused", why, harmless })),
  ),
].toSorted((a, b) => (a.path < b.path ? -1 : 1));

const covers = (pattern: string, name: string): boolean =>
  pattern === name || (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)));

/** The row of a path (or of a path above it), undefined for what Kuma does not know. */
export const kumaSettingAt = (path: string): KumaSetting | undefined => kumaSettings.find((row) => covers(row.path, path));

/** The row of a variable, `KUMA_` included. */
export const kumaSettingOf = (variable: string): KumaSetting | undefined => kumaSettings.find((row) => covers(row.variable, variable));
