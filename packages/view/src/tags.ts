/** Tags of a proxy, an endpoint or a destination. */
export type Tags = Record<string, string>;
