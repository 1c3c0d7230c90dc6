import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Kafka, logLevel } from "kafkajs";
import type { ISocketFactory, KafkaConfig, SASLOptions } from "kafkajs";
import Broker from "kafkajs/src/broker/index.js";
import ConnectionPool from "kafkajs/src/network/connectionPool.js";
import type { KafkaProtocol } from "kafkajs/src/network/connectionPool.js";
import { letKafkaJsIdle } from "./kafkajs-idle.ts";

letKafkaJsIdle();

export interface KafkaSasl {
  mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  username: string;
  password: string;
}

export interface KafkaTls {
  /** PEM. Absent: the system's authorities. */
  ca?: string;
  /** PEM, for brokers that ask for a client's certificate. */
  cert?: string;
  key?: string;
  /** Accept any certificate. For experiments only. */
  skipVerify?: boolean;
}

export interface KafkaConnectionOptions {
  /** `host:port` of some brokers; the others are found through them. */
  brokers: readonly string[];
  /** Shown in the brokers' logs. Default "atoll". */
  clientId?: string;
  tls?: KafkaTls;
  sasl?: KafkaSasl;
  /** Default 3,000. */
  connectionTimeoutMs?: number;
}

export interface BrokerAddress {
  host: string;
  port: number;
}

/** One connection to one broker. */
export interface BrokerConnection {
  readonly broker: Broker;
  send<Answer>(protocol: KafkaProtocol<Answer>): Promise<Answer>;
  /** At once; what is under way fails. */
  close(): void;
}

/** Opens sockets that can be given up together: kafkajs would wait for answers that don't come. */
class Sockets {
  readonly #open = new Set<Socket>();
  #closed = false;

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#closed) throw new Error("the connection was given up");
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = ssl ? connectTls({ host, port, ...servername, ...ssl }, onConnect) : connectTcp({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  };

  destroy(): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy(new Error("the connection was given up"));
  }
}

/** Resolves when the connection is authenticated. Rejects with kafkajs's errors. */
export async function connectBroker(options: KafkaConnectionOptions, { host, port }: BrokerAddress): Promise<BrokerConnection> {
  const sockets = new Sockets();
  const config = kafkaConfig(options, sockets.factory);
  const logger = new Kafka(config).logger();
  const pool = new ConnectionPool({ ...config, logger, host, port, enforceRequestTimeout: false });
  const broker = new Broker({ connectionPool: pool, logger, allowAutoTopicCreation: false });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${host}:${port} does not answer`)), 2 * config.connectionTimeout!);
  });
  try {
    await Promise.race([broker.connect(), late]);
  } catch (error) {
    sockets.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  // kafkajs keeps a second connection for fetches; here a reader has its own anyway.
  const wire = await pool.getConnection(0);
  return { broker, send: (protocol) => wire.send(protocol), close: () => sockets.destroy() };
}

/**
 * The public kafkajs, on sockets that `giveUp` closes at once and for good. `onTrouble` hears what it keeps trying in spite of: its
 * promises don't settle until it has given up itself.
 */
export function openKafka(
  options: KafkaConnectionOptions,
  retry: NonNullable<KafkaConfig["retry"]>,
  onTrouble: (reason: string) => void,
): { kafka: Kafka; giveUp: () => void } {
  const sockets = new Sockets();
  const logCreator =
    () =>
    ({ log }: { log: { message: string; error?: unknown } }): void =>
      onTrouble(typeof log.error === "string" ? log.error : log.message);
  const kafka = new Kafka({ ...kafkaConfig(options, sockets.factory), retry, logLevel: logLevel.ERROR, logCreator });
  return { kafka, giveUp: () => sockets.destroy() };
}

export function parseAddress(address: string): BrokerAddress {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`a broker's address is host:port, not "${address}"`);
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}

function kafkaConfig(options: KafkaConnectionOptions, socketFactory: ISocketFactory): KafkaConfig {
  const { brokers, clientId = "atoll", tls, sasl, connectionTimeoutMs = 3_000 } = options;
  const { skipVerify, ...pems } = tls ?? {};
  return {
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: 10_000,
    socketFactory,
    // What goes wrong is told to the callers, and by them.
    logLevel: logLevel.NOTHING,
    ...(tls ? { ssl: { ...pems, rejectUnauthorized: skipVerify !== true } } : {}),
    ...(sasl ? { sasl: sasl as SASLOptions } : {}),
  };
}
