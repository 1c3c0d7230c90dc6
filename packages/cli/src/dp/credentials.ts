import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { DpOptionsError } from "./dp-options-error.ts";
import { fileText } from "./option-values.ts";

/** The token in a file, without the space around it. @throws DpOptionsError that says what is wrong with which file, never the token */
export function readToken(flag: string, path: string): string {
  const token = fileText(flag, path).trim();
  const fault = tokenFault(token);
  if (fault !== undefined) throw new DpOptionsError(`${flag}: ${path} ${fault}`);
  return token;
}

/** The token that a flag or variable holds itself. @throws DpOptionsError */
export function checkedToken(flag: string, text: string): string {
  const token = text.trim();
  const fault = tokenFault(token);
  if (fault !== undefined) throw new DpOptionsError(`${flag}: it ${fault}`);
  return token;
}

/** Why a text is no token, as far as that can be seen without the control plane; the end of a sentence. */
function tokenFault(token: string): string | undefined {
  if (token === "") return "is empty";
  if (/[\r\n]/.test(token)) return "has a line break within the token: there may be some at its start and end only";
  if (/^["'`]|["'`]$/.test(token)) return "has quotes around the token: remove them";
  if (/^bearer\s/i.test(token)) return `has "Bearer" before the token: remove it`;
  if (!isJwt(token)) return "holds no token: a JWT, three parts with dots between them";
  return undefined;
}

function isJwt(token: string): boolean {
  const parts = token.split(".");
  try {
    const header = JSON.parse(Buffer.from(parts[0]!, "base64url").toString("utf8")) as { alg?: unknown } | null;
    return parts.length === 3 && parts.every((part) => /^[\w-]+$/.test(part)) && typeof header?.alg === "string" && header.alg !== "";
  } catch {
    return false;
  }
}

const certificateForm = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** PEM of one or more certificates. `where` is the flag and the file. @throws DpOptionsError */
export function checkedCertificates(where: string, pem: string): string {
  if (pem.trim() === "") throw new DpOptionsError(`${where} is empty`);
  const certificates = pem.match(certificateForm) ?? [];
  if (certificates.length === 0) throw new DpOptionsError(`${where} holds no certificate: PEM, from -----BEGIN CERTIFICATE----- on`);
  for (const [index, certificate] of certificates.entries()) {
    try {
      void new X509Certificate(certificate);
    } catch {
      throw new DpOptionsError(`${where}: certificate ${index + 1} of ${certificates.length} is damaged`);
    }
  }
  return pem;
}

/** That a PEM holds the private key of a certificate. @throws DpOptionsError */
export function checkKey(where: string, pem: string, certificate: string): void {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new DpOptionsError(`${where} holds no private key in PEM`);
  }
  if (!new X509Certificate(certificate).checkPrivateKey(key)) throw new DpOptionsError(`${where} is not the key of the certificate`);
}
