import type { EncodedResource } from "./snapshot.ts";

/**
 * How many resources go in one response. An Envoy that takes in one does nothing else meanwhile, such as answer whether it lives: some
 * thousands of clusters at once keep it busy for most of a minute.
 */
export const usualPiece = 100;

/** For how many times its patience a session leaves the next piece to the one before, which its client works on. */
export const pieceRespite = 5;

/** What goes next of what there is to send, whole if it is no more than a piece; `sent` tells what is on its way already. */
export function nextPiece(
  upserts: Map<string, EncodedResource>,
  piece: number,
  sent: (name: string) => EncodedResource | undefined,
): { upserts: Map<string, EncodedResource>; partial: boolean } {
  if (upserts.size <= piece) return { upserts, partial: false };
  const rest = [...upserts].filter(([name, { version }]) => sent(name)?.version !== version);
  return { upserts: new Map(rest.slice(0, piece)), partial: rest.length > piece };
}
