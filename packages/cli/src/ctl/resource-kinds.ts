import { type Kind, kinds } from "@atoll/resource";
import { CtlError } from "./ctl-error.ts";

/** Kinds with a name on the command line. */
export const namedKinds: readonly Kind[] = kinds.filter(({ singular }) => singular !== "");

const unknownType = (word: string): CtlError => {
  const allowed = namedKinds.map(({ singular }) => singular).toSorted();
  return new CtlError(`unknown TYPE: ${word}. Allowed values: ${allowed.join(", ")}`);
};

/** The kind of one resource: its singular, also the type itself. */
export function kindOfSingular(word: string): Kind {
  const kind = namedKinds.find(({ singular, type }) => singular === word || type.toLowerCase() === word.toLowerCase());
  if (kind === undefined) throw unknownType(word);
  return kind;
}

/** Which resources a word asks for: all of a kind by its plural, one by its singular or the type. */
export function wantedResources(word: string): { kind: Kind; one: boolean } {
  const listed = namedKinds.find(({ plural, path }) => plural === word || path === word);
  return listed === undefined ? { kind: kindOfSingular(word), one: true } : { kind: listed, one: false };
}
