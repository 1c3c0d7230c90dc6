import { isIP } from "node:net";
import { canonicalHost } from "@atoll/resource";
import { Cluster, Redis } from "ioredis";
import type { RedisOptions } from "ioredis";

export interface RedisConnectionOptions {
  /** `redis://` or, with TLS, `rediss://`; may carry user and password. Several, separated by commas: nodes of a cluster to begin with. */
  url: string;
  /** Instead of one in the URL. */
  password?: string;
  username?: string;
  /** PEM of the authority that the server's certificate is checked against. Absent: the system's. */
  tlsCa?: string;
  /** Accept any certificate. For experiments only. */
  tlsSkipVerify?: boolean;
  /** Redis Cluster: commands go to the node that has the keys. */
  cluster?: boolean;
}

export type RedisClient = Redis | Cluster;

/**
 * A client that connects by itself, again and again; commands that it can't send now fail at once.
 * `onTrouble` hears why it is not connected, when that changes, and undefined when it is.
 */
export function connectRedis(options: RedisConnectionOptions, onTrouble: (reason: string | undefined) => void): RedisClient {
  const urls = options.url.split(",").map(parseUrl);
  const [first] = urls as [URL, ...URL[]];
  const retryStrategy = (times: number): number => Math.min(50 * 2 ** Math.min(times, 5), 1_000);
  const common: RedisOptions = {
    username: options.username ?? (decodeURIComponent(first.username) || undefined),
    password: options.password ?? (decodeURIComponent(first.password) || undefined),
    connectTimeout: 3_000,
    commandTimeout: 5_000,
    keepAlive: 30_000,
    maxRetriesPerRequest: 0,
    ...(first.protocol === "rediss:"
      ? {
          tls: {
            ...(options.tlsCa === undefined ? {} : { ca: options.tlsCa }),
            rejectUnauthorized: options.tlsSkipVerify !== true,
            ...(isIP(hostOf(first)) === 0 ? { servername: hostOf(first) } : {}),
          },
        }
      : {}),
  };
  const nodes = urls.map((url) => ({ host: hostOf(url), port: Number(url.port || 6379) }));
  const client = options.cluster
    ? new Cluster(nodes, {
        redisOptions: common,
        enableOfflineQueue: false,
        clusterRetryStrategy: retryStrategy,
        dnsLookup: (address, found) => found(null, address),
      })
    : new Redis({ ...common, ...nodes[0]!, db: Number(first.pathname.slice(1) || 0), enableOfflineQueue: false, retryStrategy });
  let told: string | undefined;
  client.on("error", ({ message }: Error) => {
    if (message !== told) onTrouble((told = message));
  });
  client.on("ready", () => onTrouble((told = undefined)));
  return client;
}

/** IPv6 without its brackets, which sockets do not take. */
const hostOf = ({ hostname }: URL): string => canonicalHost(hostname);

function parseUrl(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  // The text may hold a password.
  if (!url || !["redis:", "rediss:"].includes(url.protocol) || !url.hostname)
    throw new Error("the address of Redis has to be redis://host:port or rediss://host:port");
  return url;
}
