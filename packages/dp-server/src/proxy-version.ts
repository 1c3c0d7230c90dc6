/** Prefix of the dynamic metadata that tell versions of what runs beside a proxy. */
const dependencyPrefix = "version.dependencies.";

/**
 * The `version` of a subscription, from the node metadata of a proxy: known fields in the order of their message, and whether the
 * launcher fits a control plane of `ownVersion`. Undefined where a proxy says nothing. Pure.
 */
export function proxyVersion(metadata: Record<string, unknown>, ownVersion: string): Record<string, unknown> | undefined {
  const { version, dynamicMetadata } = metadata;
  if (!isRecord(version)) return undefined;
  const { kumaDp, envoy, dependencies } = version;
  const named = isRecord(dynamicMetadata) ? Object.entries(dynamicMetadata).filter(([key]) => key.startsWith(dependencyPrefix)) : [];
  const all = isRecord(dependencies) || named.length > 0 ? { ...(isRecord(dependencies) && dependencies) } : undefined;
  for (const [key, value] of named) all![key.slice(dependencyPrefix.length)] = value;
  return {
    ...(isRecord(kumaDp) && {
      kumaDp: {
        ...texts(kumaDp, ["version", "gitTag", "gitCommit", "buildDate"]),
        ...(isCompatible(ownVersion, String(kumaDp.version ?? "")) && { kumaCpCompatible: true }),
      },
    }),
    ...(isRecord(envoy) && {
      envoy: { ...texts(envoy, ["version", "build"]), ...(envoy.kumaDpCompatible === true && { kumaDpCompatible: true }) },
    }),
    ...(all !== undefined && { dependencies: all }),
  };
}

/** Two minor versions either way; what is no release (a preview, a development build) fits everything. Pure. */
export function isCompatible(own: string, other: string): boolean {
  const [ours, theirs] = [own, other].map((text) => /^v?(\d+)(?:\.(\d+))?(?:\.\d+)?(-[\w.-]+)?(?:\+[\w.-]+)?$/.exec(text));
  if (!ours || !theirs || /preview/.test(own + other)) return true;
  // A pre-release is in no range of releases.
  if (theirs[3] !== undefined) return false;
  return ours[1] === theirs[1] && Math.abs(Number(ours[2] ?? 0) - Number(theirs[2] ?? 0)) <= 2;
}

const texts = (source: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.filter((name) => typeof source[name] === "string" && source[name] !== "").map((name) => [name, source[name]]));

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
