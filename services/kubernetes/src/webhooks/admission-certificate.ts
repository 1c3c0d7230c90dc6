import { watch } from "node:fs";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { createSelfSignedCertificate, generateEcKey, readServerCertificate, renewAtMs } from "@atoll/certificate";
import { clusterKinds, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import { type ClusterCache, isConflict, type KubernetesApi, type Timers } from "@atoll/kubernetes-client";
import type { Pair } from "./webhook-server.ts";

/** Follows the files of a folder, as a mounted Secret has them: what is written there is presented from then on. */
export async function certificateOfFolder(
  folder: string,
  present: (pair: Pair) => void,
  onError: (error: unknown) => void,
): Promise<{ pair: Pair; close(): void }> {
  const read = () => readServerCertificate(join(folder, "tls.crt"), join(folder, "tls.key"));
  const watcher = watch(folder, () => void read().then(present, onError));
  watcher.on("error", onError);
  return { pair: await read(), close: () => watcher.close() };
}

export interface AdmissionCertificateOptions {
  readonly api: KubernetesApi;
  readonly cache: ClusterCache;
  /** The Service by which the API server reaches the webhooks. */
  readonly service: Required<ObjectKey>;
  readonly timers: Timers;
  readonly present: (pair: Pair) => void;
  readonly onError: (error: unknown) => void;
}

const lifetimeMs = 90 * 24 * 3_600_000;
const longestTimerMs = 2 ** 31 - 1;
const configurationKinds: readonly ObjectKind[] = [clusterKinds.mutatingWebhookConfiguration, clusterKinds.validatingWebhookConfiguration];

interface WebhookConfiguration {
  readonly webhooks?: readonly { readonly clientConfig?: { readonly service?: ObjectKey; readonly caBundle?: string } }[];
}

/**
 * The certificate of the webhooks, where nobody else makes one: in a Secret that all replicas present, made and renewed by the one that writes, which
 * also tells the API server whom to trust, in the webhook configurations that lead here. A certificate that is replaced stays trusted with its
 * successor, so that no request is refused while replicas change.
 */
export class AdmissionCertificate {
  readonly #options: AdmissionCertificateOptions;
  readonly #ends: (() => void)[];
  readonly #first = Promise.withResolvers<Pair>();
  #leads = false;
  #cancel = () => {};
  #working: Promise<void> = Promise.resolve();

  /** The Secrets of the service's namespace and the webhook configurations are watched, and have their first list. */
  constructor(options: AdmissionCertificateOptions) {
    this.#options = options;
    const { cache } = options;
    this.#ends = [
      cache.listen(clusterKinds.secret, (now, before) => {
        if ((now ?? before)!.metadata.name === this.#key.name) this.#look();
      }),
      ...configurationKinds.map((kind) => cache.listen(kind, () => this.#look())),
    ];
    this.#look();
  }

  /** Resolves when there is one. */
  get pair(): Promise<Pair> {
    return this.#first.promise;
  }

  lead(leads: boolean): void {
    this.#leads = leads;
    this.#look();
  }

  async close(): Promise<void> {
    this.#cancel();
    for (const end of this.#ends) end();
    this.#leads = false;
    await this.#working;
  }

  get #key(): Required<ObjectKey> {
    const { namespace, name } = this.#options.service;
    return { namespace, name: `${name}-admission-tls` };
  }

  #look(): void {
    const { cache, present, onError } = this.#options;
    const secret = cache.object(clusterKinds.secret, this.#key);
    const pair = secret && pairOf(secret);
    if (pair) {
      present(pair);
      this.#first.resolve(pair);
    }
    if (this.#leads) this.#working = this.#working.then(() => this.#keep()).catch(onError);
  }

  async #keep(): Promise<void> {
    const { api, cache, timers } = this.#options;
    const secret = cache.object(clusterKinds.secret, this.#key);
    const pair = secret && pairOf(secret);
    const certificate = pair && new X509Certificate(pair.certPem);
    const dueMs = certificate
      ? renewAtMs({ notBefore: new Date(certificate.validFrom), notAfter: new Date(certificate.validTo) }) - timers.now()
      : 0;
    if (dueMs <= 0) {
      const next = await this.#make();
      const data = { "tls.crt": next.certPem, "tls.key": next.keyPem, "ca.crt": `${next.certPem}${pair?.certPem ?? ""}` };
      const written = {
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/tls",
        metadata: { ...this.#key, ...(secret && { resourceVersion: secret.metadata.resourceVersion }) },
        data: Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString("base64")])),
      };
      try {
        const answer = await (secret ? api.replace(clusterKinds.secret, written) : api.create(clusterKinds.secret, written));
        cache.observe(clusterKinds.secret, answer);
      } catch (error) {
        // Another replica was faster: its certificate comes with the watch.
        if (!isConflict(error)) throw error;
      }
      return;
    }
    this.#cancel();
    this.#cancel = timers.after(Math.min(dueMs, longestTimerMs), () => this.#look());
    await this.#tellWhomToTrust((secret!["data"] as Record<string, string>)["ca.crt"]!);
  }

  #make(): Promise<Pair> {
    const { namespace, name } = this.#options.service;
    const names = [`${name}.${namespace}.svc`, `${name}.${namespace}`, `${name}.${namespace}.svc.cluster.local`];
    return createSelfSignedCertificate({
      subject: `CN=${name}-admission`,
      keyPair: generateEcKey,
      usage: "serverAuth",
      names,
      nowMs: this.#options.timers.now(),
      lifetimeMs,
    });
  }

  async #tellWhomToTrust(caBundle: string): Promise<void> {
    const { api, cache, service } = this.#options;
    for (const kind of configurationKinds) {
      for (const object of cache.objects(kind)) {
        const { webhooks = [] } = object as unknown as WebhookConfiguration;
        const operations = webhooks.flatMap(({ clientConfig }, index) => {
          const ours = clientConfig?.service?.name === service.name && clientConfig.service.namespace === service.namespace;
          if (!ours || clientConfig?.caBundle === caBundle) return [];
          return [{ op: "add" as const, path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle }];
        });
        if (operations.length > 0) cache.observe(kind, await api.patch(kind, object.metadata, operations));
      }
    }
  }
}

function pairOf(secret: KubernetesObject): Pair | undefined {
  const { "tls.crt": cert, "tls.key": key } = (secret["data"] ?? {}) as Record<string, string | undefined>;
  if (cert === undefined || key === undefined) return undefined;
  const text = (value: string) => Buffer.from(value, "base64").toString("utf8");
  return { certPem: text(cert), keyPem: text(key) };
}
