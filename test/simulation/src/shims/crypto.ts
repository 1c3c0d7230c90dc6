/** `node:crypto` of a simulated process: random numbers by the seed, keys prepared beforehand (those of RSA take long). */
import * as real from "node:crypto";
import { promisify } from "node:util";
import { currentProcess, currentWorld } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

export * from "node:crypto";

const rsaKeys: real.KeyPairKeyObjectResult[] = [];
const preparedKeys = 4;

/** RSA keys of one size, made once for all runs. */
function rsaKey(modulusLength: number): real.KeyPairKeyObjectResult {
  while (rsaKeys.length < preparedKeys) rsaKeys.push(real.generateKeyPairSync("rsa", { modulusLength }));
  return rsaKeys[currentSimulation().nextKey() % preparedKeys]!;
}

export const randomBytes = (size: number): Buffer => {
  if (!currentProcess()) return real.randomBytes(size);
  const bytes = Buffer.alloc(size);
  currentWorld().random.bytes(bytes);
  return bytes;
};

export const randomUUID = (): string => {
  if (!currentProcess()) return real.randomUUID();
  const hex = randomBytes(16).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
};

type KeyOptions = { modulusLength?: number; namedCurve?: string };

const generated = async (type: "rsa" | "ec", options: KeyOptions): Promise<real.KeyPairKeyObjectResult> => {
  if (!currentProcess()) return promisify(real.generateKeyPair)(type as "rsa", options as { modulusLength: number });
  return type === "rsa" ? rsaKey(options.modulusLength ?? 2048) : real.generateKeyPairSync(type, options as { namedCurve: string });
};

/** Only as a promise, which is how it is used. */
export const generateKeyPair = Object.assign(
  () => {
    throw new Error("only promisify(generateKeyPair) is simulated");
  },
  { [promisify.custom]: generated },
);

type SignArguments = [algorithm: string, content: Uint8Array, key: real.KeyLike];

/** A signature that is asked for with a callback comes from a thread, and so some time later. */
export const sign = (...[algorithm, content, key, done]: [...SignArguments, ((error: Error | null, signature: Buffer) => void)?]) => {
  if (!done) return real.sign(algorithm, content, key);
  if (!currentProcess()) return real.sign(algorithm, content, key, done);
  const signature = real.sign(algorithm, content, key);
  currentWorld().schedule(currentWorld().random.between(0.2, 2), () => done(null, signature));
  return undefined;
};
