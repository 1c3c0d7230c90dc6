import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { kafkaClassPath } from "./kafka-jars.ts";
import { startProcess } from "./process.ts";
import type { StartedProcess } from "./process.ts";
import type { PemPair } from "./self-signed-pair.ts";

export interface KafkaBrokerOptions {
  /**
   * A second listener with TLS and SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), where users may do only what ACLs allow. Who comes through the first one may do all.
   */
  secured?: { tls: PemPair; /** Name -> password. */ users: Readonly<Record<string, string>> };
}

/** A one-node Kafka (KRaft) with a folder of its own. */
export interface KafkaBroker {
  /** `host:port` of the listener without security. */
  readonly brokers: string;
  readonly securedBrokers: string | undefined;
  /** SIGKILL. Data stay. */
  kill(): Promise<void>;
  /** After `kill`: the same node, with what it had. */
  start(): Promise<void>;
  /** Ends it and deletes what it stored. */
  close(): Promise<void>;
}

const scramMechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
const readyLimitMs = 60_000;
const java = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

/** Starts a broker from Maven's jars; takes about 5 s. https://kafka.apache.org/41/operations/kraft/ */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const classPath = kafkaClassPath();
  const folder = mkdtempSync(join(tmpdir(), "atoll-kafka-"));
  const port = await freePort();
  const securedPort = options.secured ? await freePort() : undefined;
  const properties = join(folder, "server.properties");
  writeFileSync(properties, renderProperties(serverProperties(folder, port, await freePort(), securedPort, options.secured)));
  const run = (main: string, args: readonly string[]) => startProcess("java", [...java, "-cp", classPath, main, ...args]);

  const scram = Object.entries(options.secured?.users ?? {}).flatMap(([name, password]) =>
    scramMechanisms.flatMap((mechanism) => ["--add-scram", `${mechanism}=[name=${name},password=${password}]`]),
  );
  const format = await run("kafka.tools.StorageTool", ["format", "-t", "YXRvbGwtdGVzdC1jbHVzdA", "-c", properties, ...scram]);
  if ((await format.exited) !== 0) throw new Error(`a Kafka broker's folder could not be made:\n${format.output()}`);

  let broker: StartedProcess | undefined;
  const start = async (): Promise<void> => {
    const started = await run("kafka.Kafka", [properties]);
    broker = started;
    let ended: number | string | undefined;
    started.exited.then(
      (status) => (ended = status),
      () => undefined,
    );
    await eventually(() => ended !== undefined || accepts(port), { limitMs: readyLimitMs, everyMs: 50 });
    if (ended !== undefined) throw new Error(`the Kafka broker ended with ${ended}:\n${started.output().slice(-3_000)}`);
  };
  const kill = async (): Promise<void> => {
    broker?.signal("SIGKILL");
    await broker?.exited;
  };
  const close = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    brokers: `127.0.0.1:${port}`,
    securedBrokers: securedPort === undefined ? undefined : `localhost:${securedPort}`,
    kill,
    start,
    close,
  };
}

function serverProperties(
  folder: string,
  port: number,
  controllerPort: number,
  securedPort: number | undefined,
  secured: KafkaBrokerOptions["secured"],
): Record<string, string | number> {
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `CONTROLLER://127.0.0.1:${controllerPort}`];
  const protocols = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"];
  const basis: Record<string, string | number> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": join(folder, "data"),
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    // Back 5 s after a kill instead of 12: the controller is to notice soon that the former life of this node is over.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
  };
  if (secured) {
    listeners.push(`SECURED://localhost:${securedPort}`);
    protocols.push("SECURED:SASL_SSL");
    const users = Object.entries(secured.users).map(([name, password]) => `user_${name}="${password}"`);
    Object.assign(basis, {
      "sasl.enabled.mechanisms": ["PLAIN", ...scramMechanisms].join(","),
      ...Object.fromEntries(
        scramMechanisms.map((mechanism) => [
          `listener.name.secured.${mechanism.toLowerCase()}.sasl.jaas.config`,
          "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        ]),
      ),
      "listener.name.secured.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(" ")};`,
      "listener.name.secured.ssl.keystore.type": "PEM",
      "listener.name.secured.ssl.keystore.certificate.chain": secured.tls.certificatePem,
      "listener.name.secured.ssl.keystore.key": secured.tls.privateKeyPem,
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
    });
  }
  return {
    ...basis,
    listeners: listeners.join(","),
    "advertised.listeners": listeners.filter((one) => !one.startsWith("CONTROLLER")).join(","),
    "listener.security.protocol.map": protocols.join(","),
  };
}

const renderProperties = (properties: Record<string, string | number>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).trim().replaceAll("\n", "\\n")}\n`)
    .join("");

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
