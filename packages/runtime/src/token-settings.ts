import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { isLoopbackHost } from "@atoll/caller";
import { z } from "zod";
import type { Logger } from "./logger.ts";
import { expandPath } from "./paths.ts";
import { SettingsError } from "./settings.ts";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

const publicKey = z
  .object({
    kid: z.string().min(1, "is required"),
    /** PEM, `RSA PUBLIC KEY` or `PUBLIC KEY`. */
    key: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    /** Dataplane tokens only; absent or "" = all meshes. */
    mesh: z.string().optional(),
  })
  .refine(({ key, keyFile }) => (key === undefined) !== (keyFile === undefined), "either key or keyFile has to be given");

/** `validator` of one kind of tokens: what it verifies them with. */
export const tokenValidatorSettings = section({
  /** Signing keys kept as Secrets and GlobalSecrets count. */
  useSecrets: z.boolean().default(true),
  /** Public halves of keys that tokens are signed with elsewhere. Only in the file. */
  publicKeys: z.array(publicKey).default([]),
});

type TokenValidatorSettings = z.infer<typeof tokenValidatorSettings>;

/** Dataplane and zone tokens: who issues and who verifies them. */
export const proxyTokenSettings = {
  dpProxy: section({ dpToken: section({ enableIssuer: z.boolean().default(true), validator: tokenValidatorSettings }) }),
  zoneProxy: section({ zoneToken: section({ enableIssuer: z.boolean().default(true), validator: tokenValidatorSettings }) }),
};

/** What the verifier of each kind of token is given; each reads the files that its settings name. @throws SettingsError */
export const userTokenVerification = ({ tokens }: { tokens: { validator: TokenValidatorSettings } }) =>
  verificationSettings(tokens.validator, "apiServer.authn.tokens.validator");
export const dataplaneTokenVerification = ({ dpProxy }: { dpProxy: { dpToken: { validator: TokenValidatorSettings } } }) =>
  verificationSettings(dpProxy.dpToken.validator, "dpServer.authn.dpProxy.dpToken.validator");
export const zoneTokenVerification = ({ zoneProxy }: { zoneProxy: { zoneToken: { validator: TokenValidatorSettings } } }) =>
  verificationSettings(zoneProxy.zoneToken.validator, "dpServer.authn.zoneProxy.zoneToken.validator");

/** `setting` is the path of `validator`. */
function verificationSettings({ useSecrets, publicKeys }: TokenValidatorSettings, setting: string) {
  return {
    useSecrets,
    publicKeys: publicKeys.map(({ kid, key, keyFile, mesh }, index) => {
      const text = key ?? fileText(keyFile!, `${setting}.publicKeys[${index}].keyFile`);
      if (!isPublicKey(text))
        throw new SettingsError(`${setting}.publicKeys[${index}] (kid ${JSON.stringify(kid)}): is not an RSA public key in PEM`);
      return { kid, key: text, ...(mesh === undefined ? {} : { mesh }) };
    }),
  };
}

function isPublicKey(pem: string): boolean {
  try {
    return /-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem) && createPublicKey(pem).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}

function fileText(file: string, setting: string): string {
  try {
    return readFileSync(expandPath(file), "utf8");
  } catch (error) {
    throw new SettingsError(`${setting}: cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Where tokens are issued, and what the issuer's certificate is verified with. Reads the file. @throws SettingsError */
export function issuerAddress(
  { url, rootCaFile }: { url: string; rootCaFile?: string },
  log: Pick<Logger, "warn">,
): { url: string; ca?: string } {
  const { protocol, host } = new URL(url);
  if (protocol === "http:" && !isLoopbackHost(host))
    log.warn({ url }, "tokens, and what is shown for them, cross the network in clear: set tokens.url to an https address");
  return rootCaFile === undefined ? { url } : { url, ca: fileText(rootCaFile, "tokens.rootCaFile") };
}
