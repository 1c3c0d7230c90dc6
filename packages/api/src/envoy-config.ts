type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Where Envoy's dump keeps what came over xDS: list, and the path in one entry. */
const dynamic: readonly { list: string; path: readonly string[] }[] = [
  { list: "dynamic_active_clusters", path: ["cluster"] },
  { list: "dynamic_endpoint_configs", path: ["endpoint_config"] },
  { list: "dynamic_listeners", path: ["active_state", "listener"] },
  { list: "dynamic_route_configs", path: ["route_config"] },
];

/** Fields whose keys are names of their own, not of fields: tags, runtime keys. */
const freeForm = new Set(["filter_metadata", "rtds_layer", "layer"]);

/**
 * The resources of a configuration dump by type and name, in lowerCamelCase: what the control plane made and Envoy holds. Secrets are
 * not among them. https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
 */
export function envoyConfig(dump: unknown): Record<string, Record<string, unknown>> {
  const xds: Record<string, Record<string, unknown>> = {};
  const sections = isObject(dump) && Array.isArray(dump["configs"]) ? dump["configs"].filter(isObject) : [];
  for (const { list, path } of dynamic) {
    for (const entry of sections.flatMap((section) => (Array.isArray(section[list]) ? section[list] : []))) {
      const resource = path.reduce<unknown>((node, key) => (isObject(node) ? node[key] : undefined), entry);
      if (!isObject(resource)) continue;
      const { "@type": type, ...fields } = resource;
      const name = String(fields["name"] ?? fields["cluster_name"] ?? "");
      (xds[String(type)] ??= {})[name] = camelCased(fields);
    }
  }
  return sorted(xds) as typeof xds;
}

function camelCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCased);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/_([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase()),
      freeForm.has(key) ? inner : camelCased(inner),
    ]),
  );
}

const sorted = (value: Json): Json =>
  Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [
        key,
        isObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
      ]),
  );
