import { createHash, timingSafeEqual } from "node:crypto";
import { whereFrom, type RequestFacts } from "@atoll/caller";
import { z } from "zod";
import { optionalTokenSource } from "./credentials.ts";

/** Settings of a port that has something to read: who may, beside somebody at the machine. */
export const readerSettings = {
  /** Whoever shows it, as a bearer. */
  token: z.string().min(1).optional(),
  tokenFile: z.string().min(1).optional(),
};

export interface ReaderRefusal {
  status: 401 | 403;
  reason: string;
}

/** Why a request may not read `what`; undefined: it may. `open`: everybody may, unless they show bad credentials. */
export type ReaderGate = (facts: RequestFacts, what: { name: string; open: boolean }) => ReaderRefusal | undefined;

/**
 * Lets in whoever sits at the machine, and whoever shows the token of the settings; its file is read again each time. `setting` is their
 * path, for refusals. @throws SettingsError if the file cannot be read
 */
export function readerGate(settings: { token?: string; tokenFile?: string }, setting: string): ReaderGate {
  const token = optionalTokenSource(settings, `${setting}.token`);
  return (facts, { name, open }) => {
    const shown = facts.headers.get("authorization");
    if (shown !== undefined) {
      if (token !== undefined && shown.length === 1 && isBearer(shown[0]!, token())) return undefined;
      const fault = token === undefined ? `shows a token, and ${setting}.tokenFile is not set` : `does not show the token of ${setting}`;
      return { status: 401, reason: `the header "Authorization" ${fault}` };
    }
    const where = whereFrom(facts);
    if (open || where.at === "here") return undefined;
    const why = where.at === "unclear" ? `; the request comes from this machine, but ${where.because}` : "";
    return { status: 403, reason: `${name}: for somebody at this machine, and whoever shows the token of ${setting}.tokenFile${why}` };
  };
}

/** In a time that says nothing of where they differ. */
function isBearer(authorization: string, token: string): boolean {
  const shown = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
  if (shown === undefined || token === "") return false;
  const [one, other] = [shown, token].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(one!, other!);
}
