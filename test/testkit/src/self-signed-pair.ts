import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface PemPair {
  certificatePem: string;
  /** PKCS#8. */
  privateKeyPem: string;
}

/**
 * A throwaway ECDSA P-256 key with its self-signed certificate for the given DNS names and IPv4 addresses, valid for a day.
 * Who trusts the certificate as a CA accepts the server. Only for tests: written out by hand so that the tests of the
 * certificate package do not lean on that package. Layout: RFC 5280, section 4.1. An `authority` may sign
 * other certificates.
 */
export function selfSignedPair(names: readonly string[] = ["localhost", "127.0.0.1"], options: { authority?: boolean } = {}): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(objectId([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const subject = sequence(set(sequence(objectId([0x55, 0x04, 0x03]), element(0x0c, Buffer.from(names[0] ?? "test")))));
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const now = Date.now();
  const toBeSigned = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    algorithm,
    subject,
    sequence(utcTime(now - 3_600_000), utcTime(now + 86_400_000)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(extension([0x55, 0x1d, 0x11], sequence(...names.map(generalName))), ...(options.authority ? authority() : []))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return {
    certificatePem: `-----BEGIN CERTIFICATE-----\n${certificate
      .toString("base64")
      .match(/.{1,64}/g)!
      .join("\n")}\n-----END CERTIFICATE-----\n`,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** One DER element: tag, length, content. */
function element(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...content: Buffer[]) => element(0x30, ...content);
const set = (...content: Buffer[]) => element(0x31, ...content);
const objectId = (encoded: number[]) => element(0x06, Buffer.from(encoded));
const extension = (id: number[], value: Buffer) => sequence(objectId(id), element(0x04, value));

/** Critical: basic constraints with CA, and the key usages keyCertSign and cRLSign. */
function authority(): Buffer[] {
  const yes = element(0x01, Buffer.from([0xff]));
  return [
    sequence(objectId([0x55, 0x1d, 0x13]), yes, element(0x04, sequence(yes))),
    sequence(objectId([0x55, 0x1d, 0x0f]), yes, element(0x04, element(0x03, Buffer.from([1, 0x06])))),
  ];
}

function generalName(name: string): Buffer {
  return isIP(name) === 4 ? element(0x87, Buffer.from(name.split(".").map(Number))) : element(0x82, Buffer.from(name));
}

function utcTime(timeMs: number): Buffer {
  return element(0x17, Buffer.from(new Date(timeMs).toISOString().replace(/[-:T]/g, "").slice(2, 14) + "Z"));
}
