import { expandPath, type Lifecycle, listenHost, type Logger } from "@atoll/runtime";
import type { KubernetesSettings } from "../settings.ts";
import { certificateOfFolder, type AdmissionCertificate } from "./admission-certificate.ts";
import { type Pair, type Webhook, WebhookServer } from "./webhook-server.ts";

export interface AdmissionOptions {
  readonly settings: KubernetesSettings;
  readonly webhooks: Readonly<Record<string, Webhook>>;
  /** Makes the certificate that is kept in the cluster, unless the settings name a folder that has one. */
  readonly certificate: (present: (pair: Pair) => void) => AdmissionCertificate;
  readonly onReviewed: (path: string, allowed: boolean) => void;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
}

/** Opens the webhooks' port, once there is a certificate for it. */
export async function openAdmission({ settings, webhooks, certificate, onReviewed, lifecycle, log }: AdmissionOptions): Promise<void> {
  const { address, port, certDir } = settings.runtime.kubernetes.admissionServer;
  let server: WebhookServer | undefined;
  const present = (pair: Pair) => server?.present(pair);
  const onError = (error: unknown) => log.error({ err: error }, "the certificate of the webhooks");
  let pair: Pair;
  if (certDir === undefined) pair = await lifecycle.add("certificate of the webhooks", certificate(present)).pair;
  else ({ pair } = lifecycle.add("certificate of the webhooks", await certificateOfFolder(expandPath(certDir), present, onError)));
  server = lifecycle.add(
    "webhooks",
    await WebhookServer.open({
      host: listenHost(address || "0.0.0.0"),
      port,
      pair,
      webhooks,
      onReviewed,
      onError: (error, path) => log.warn({ webhook: path, reason: (error as Error).message }, "a request is refused"),
    }),
  );
}
