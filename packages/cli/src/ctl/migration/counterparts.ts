/** What to write instead of a policy that has no effect. */
const counterparts: Readonly<Record<string, string>> = {
};

/** The counterpart of a document of a type, undefined where there is none. */
export const counterpartOf = (type: string): string | undefined => counterparts[type];
