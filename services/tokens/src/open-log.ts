import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "@atoll/event-log";
import { openRelay } from "@atoll/kds";
import { expandPath, kafkaConnection } from "@atoll/runtime";
import { deriveServiceBearer, type SealingKey } from "@atoll/secret";
import type { TokensSettings } from "./settings.ts";

/** The log of the cluster: in Kafka, or through global, which knows its services by the key they share with it. */
export async function openLog(settings: TokensSettings, workDir: string, key: SealingKey): Promise<EventLog> {
  const kafka = kafkaConnection(settings.log.kafka);
  if (kafka) return new (await import("@atoll/event-log/kafka")).KafkaLog(kafka);
  const { address, rootCaFile = join(workDir, "tls.crt"), tlsSkipVerify } = settings.global;
  const tls = { ...(tlsSkipVerify ? {} : { ca: readFileSync(expandPath(rootCaFile), "utf8") }), skipVerify: tlsSkipVerify };
  return openRelay({ address, tls, token: () => deriveServiceBearer(key) });
}
