import { clusterKinds, type Place } from "@atoll/kubernetes";
import { ClusterCache, Informer, LeaseElection, systemTimers } from "@atoll/kubernetes-client";
import { Diagnostics, instanceName, Lifecycle, type Logger } from "@atoll/runtime";
import { mirrorSources } from "./carry/mirror-sources.ts";
import { ObjectCarrier } from "./carry/object-carrier.ts";
import { ResourceMirror } from "./carry/resource-mirror.ts";
import { clusterView, openApi, runnable, watchCluster } from "./cluster-part.ts";
import { controllersOf } from "./controllers.ts";
import { injectionSettings } from "./injector-settings.ts";
import type { KeyedWorker } from "./keyed-worker.ts";
import { kubernetesMetrics, showObjects } from "./kubernetes-metrics.ts";
import { openLogPart } from "./log-part.ts";
import { ControllerRunner } from "./runner/controller-runner.ts";
import { ObjectEvents } from "./runner/object-events.ts";
import type { KubernetesSettings } from "./settings.ts";
import { AdmissionCertificate } from "./webhooks/admission-certificate.ts";
import { openAdmission } from "./webhooks/open-admission.ts";
import { webhooksOf } from "./webhooks/webhooks.ts";

/** Who writes, among the replicas of this service in a cluster. The peer's name, so that only one of both writes while one replaces the other. */
const leaseName = "cp-leader-lease";
const carryConcurrency = 16;

/** Joins a cluster to a zone or to global: objects become resources, resources objects, and pods what the mesh knows of them. */
export async function startKubernetes(settings: KubernetesSettings, logger: Logger): Promise<{ close(): Promise<void> }> {
  const { name: zone } = settings.multizone.zone;
  const log = zone === "" ? logger : logger.child({ zone });
  return Lifecycle.opening(log, (lifecycle) => open(settings, log, lifecycle));
}

async function open(settings: KubernetesSettings, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const place = placeOf(settings);
  const { systemNamespace } = place;
  const instanceId = instanceName("kubernetes", settings.diagnostics.serverPort);
  const source = { service: "kubernetes", instanceId, ...(place.zone !== "" && { zone: place.zone }) };
  const diagnostics = lifecycle.add("diagnostics", await Diagnostics.open(settings, "waiting for the log", source, log));
  const writing: KeyedWorker[] = [];
  let election: LeaseElection | undefined;
  let carrier: ObjectCarrier | undefined;
  const metrics = kubernetesMetrics(diagnostics, {
    leads: () => election?.leads ?? false,
    waiting: () => writing.reduce((sum, { queue }) => sum + queue.size, 0),
    refused: () => Object.keys(carrier?.refusals() ?? {}).length,
  });
  const timers = systemTimers;
  const api = lifecycle.add("API server", openApi(settings, metrics.called));
  const onError = (error: unknown) => log.warn({ err: error }, (error as Error).message);

  const injection = injectionSettings(settings);
  const logPart = await openLogPart({ settings, place, instanceId, diagnostics, lifecycle, log });
  diagnostics.notReady = "waiting for the API server";
  const { runs, left } = await runnable(api, controllersOf(settings, place, injection));
  for (const { controller, missing } of left) log.info({ controller, missing }, "the cluster does not serve what this controller is for");
  const cache = lifecycle.add(
    "cluster",
    new ClusterCache({
      api,
      timers,
      onError: (error, { plural, group }) => log.warn({ kind: plural, group, reason: (error as Error).message }, "a watch is interrupted"),
    }),
  );
  const { admissionServer, controlPlaneServiceName } = settings.runtime.kubernetes;
  const servesWebhooks = admissionServer.port !== 0;
  watchCluster(cache, settings, runs, servesWebhooks);
  diagnostics.checks.push(() => (cache.missing().length > 0 ? `waiting for objects of ${cache.missing().join(", ")}` : undefined));
  await cache.synced();
  showObjects(diagnostics, cache);

  const events = new ObjectEvents({ api, systemNamespace, now: Date.now, onError });
  const view = clusterView(cache, logPart.stored);
  for (const controller of runs) {
    const runner = new ControllerRunner({
      controller,
      api,
      cache,
      view,
      events,
      timers,
      concurrency: settings.runtime.kubernetes.controllersConcurrency.podController,
      onError: (error, { controller: name, key, delayMs }) =>
        log.warn(
          { controller: name, object: key, delayMs, reason: (error as Error).message },
          "a reconciliation failed; it is tried again",
        ),
      onReconciled: metrics.reconciled,
    });
    writing.push(lifecycle.add(`controller ${controller.name}`, runner));
  }
  const retried = (what: string) => (error: unknown, context: { key: string; delayMs: number }) =>
    log.warn({ ...context, reason: (error as Error).message }, what);
  carrier = new ObjectCarrier({
    place,
    cache,
    stored: logPart.stored,
    writers: logPart.writers,
    events,
    seal: logPart.seal,
    timers,
    concurrency: carryConcurrency,
    onError: retried("an object is not carried into the log yet"),
    onWritten: metrics.carried,
  });
  writing.push(lifecycle.add("objects to resources", carrier));
  const mirror = new ResourceMirror({
    place,
    api,
    cache,
    stored: logPart.stored,
    sources: mirrorSources({ place, stored: logPart.stored, zones: logPart.zones, reveal: logPart.reveal }),
    config: logPart.writers.config,
    isDeleting: (key) => carrier!.isDeleting(key),
    timers,
    concurrency: carryConcurrency,
    onError: retried("a resource is not written into the cluster yet"),
    onRefused: (reason, { type, mesh, name }) =>
      log.warn({ type, mesh, name, reason }, "the API server does not take a resource as an object"),
    onWritten: metrics.mirrored,
  });
  writing.push(lifecycle.add("resources to objects", mirror));

  let ownCertificate: AdmissionCertificate | undefined;
  const admitting = servesWebhooks
    ? openAdmission({
        settings,
        webhooks: webhooksOf({ settings, place, api, cache, log: logPart, injection }),
        certificate: (present) =>
          (ownCertificate = new AdmissionCertificate({
            api,
            cache,
            service: { namespace: systemNamespace, name: controlPlaneServiceName },
            timers,
            present,
            onError,
          })),
        onReviewed: metrics.reviewed,
        lifecycle,
        log,
      })
    : Promise.resolve();

  const lease = { namespace: systemNamespace, name: leaseName };
  const leases = new Informer({
    api,
    kind: clusterKinds.lease,
    selection: { namespace: systemNamespace, fieldSelector: `metadata.name=${leaseName}` },
    timers,
    onError,
  });
  lifecycle.add("leases", leases);
  const { leaseDurationMs: durationMs, renewDeadlineMs } = settings.runtime.kubernetes.leaderElection;
  election = new LeaseElection({
    api,
    lease,
    informer: leases,
    identity: instanceId,
    durationMs,
    renewDeadlineMs,
    timers,
    onChange: (leads) => {
      log.info(leads ? "this instance writes for the cluster" : "this instance writes no more");
      ownCertificate?.lead(leads);
      for (const part of writing)
        if (leads) part.start();
        else part.pause();
    },
    onError,
  });
  lifecycle.add("election", election);

  diagnostics.notReady = "waiting for the certificate of the webhooks";
  await admitting;
  diagnostics.views["cluster"] = () => cache.report();
  diagnostics.views["refused"] = () => carrier.refusals();
  diagnostics.notReady = null;
  log.info({ mode: place.mode, revision: logPart.config.revision, controllers: runs.map(({ name }) => name) }, "kubernetes is ready");
}

function placeOf({ mode: named, multizone, store }: KubernetesSettings): Place {
  const { name, globalAddress } = multizone.zone;
  const mode = named === "zone" && globalAddress === "" ? "standalone" : named;
  if (mode === "zone" && name === "") throw new Error("multizone.zone.name: has to be given for a zone of a global");
  return { mode, zone: mode === "global" ? "" : name || "default", systemNamespace: store.kubernetes.systemNamespace };
}
