import type { RequestFacts } from "./request-facts.ts";

/** What a browser says of a request that nobody's page made (an address that was typed), or a page of the server itself. */
const ownSites = new Set(["none", "same-origin"]);

/**
 * The web page of another origin for which a browser makes the request: its origin, or "another site". Undefined: no browser says
 * so. A page whose name was pointed at this server's address after it had loaded counts as the server's own: see `whereFrom`.
 */
export function foreignPage({ headers, encrypted }: Pick<RequestFacts, "headers" | "encrypted">): string | undefined {
  const own = `${encrypted ? "https" : "http"}://${headers.get("host")?.join() ?? ""}`.toLowerCase();
  const origins = [...(headers.get("origin") ?? []), ...(headers.get("referer") ?? []).map(originOf)];
  const foreign = origins.find((origin) => origin.toLowerCase() !== own);
  if (foreign !== undefined) return foreign === "null" ? "a page without an origin" : foreign;
  return headers.get("sec-fetch-site")?.some((site) => !ownSites.has(site)) ? "another site" : undefined;
}

/** With the port as it is written, to be compared with `Host`. */
const originOf = (url: string): string => /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i.exec(url)?.[0] ?? "null";
