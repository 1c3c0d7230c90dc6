/** Version of the Kuma API that Atoll speaks, and Atoll's own. */
export const version = { atoll: "0.1.0", kuma: "2.10.11" } as const;
