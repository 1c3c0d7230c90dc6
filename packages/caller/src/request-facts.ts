import type { IncomingMessage } from "node:http";

/** What of a request tells where it comes from. */
export interface RequestFacts {
  remoteAddress: string | undefined;
  encrypted: boolean;
  httpVersion: string;
  /** As in the first line of the request. */
  target: string;
  /** Values in the order they came, by name in lower case; a header that came twice has two. */
  headers: ReadonlyMap<string, readonly string[]>;
}

/** Node joins or drops headers that come twice, so what it got is read. */
export function requestFacts(request: IncomingMessage): RequestFacts {
  const headers = new Map<string, string[]>();
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[index + 1]!]);
  }
  const { remoteAddress } = request.socket;
  const encrypted = (request.socket as { encrypted?: boolean }).encrypted === true;
  return { remoteAddress, encrypted, httpVersion: request.httpVersion, target: request.url ?? "", headers };
}
