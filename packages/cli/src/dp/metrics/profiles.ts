import { RE2JS } from "re2js";
import type { MetricFamily } from "./prometheus-text.ts";

/** Which of Envoy's metrics are told, as MeshMetric says. */
export interface SidecarMetrics {
  includeUnused?: boolean;
  profiles?: {
    appendProfiles?: { name: "All" | "Basic" | "None" }[];
    exclude?: MetricSelector[];
    include?: MetricSelector[];
  };
}

export interface MetricSelector {
  type: "Prefix" | "Regex" | "Exact" | "Contains";
  match: string;
}

/** What the dashboards and alarms that come with Kuma are made from: by a part of the name, its beginning, or all of it. */
const basic = {
  parts: [
    ..."rq_time cx_length_ms cx_count _rq bytes timeout health_check lb_healthy_panic cx_destroy error fail reset eject overflow".split(
      " ",
    ),
    ..."cancelled max_duration_reached no_cluster no_route no_filter_chain reject denied days_until_first_cert_expiring".split(" "),
    ..."rbac cx_active cx_connect".split(" "),
  ],
  beginnings: ["envoy_server", "envoy_control_plane", "envoy_dns_filter", "envoy_dns_cares"],
  names: [
    "envoy_cluster_membership_degraded",
    "envoy_cluster_membership_healthy",
    "envoy_cluster_membership_total",
    "envoy_cluster_ssl_handshake",
  ],
};
const isBasic = (name: string): boolean =>
  basic.parts.some((part) => name.includes(part)) ||
  basic.beginnings.some((beginning) => name.startsWith(beginning)) ||
  basic.names.includes(name);

/** Clusters by which a proxy works, and not its mesh: of no interest in the basic profile. */
const isInternal = (cluster: string | undefined): boolean =>
  cluster !== undefined &&
  (/^(?:_|tracing_|meshtrace_|meshaccesslog_)/.test(cluster) ||
    ["ads_cluster", "access_log_sink", "kuma_envoy_admin", "kuma_metrics_hijacker", "kuma_readiness"].includes(cluster));

/** Of several profiles the one that tells most holds; of none, the basic one. `exclude` takes away from it, `include` adds, and wins. */
export function selectFamilies(families: readonly MetricFamily[], { profiles = {} }: SidecarMetrics = {}): MetricFamily[] {
  const { appendProfiles = [], exclude = [], include = [] } = profiles;
  const names = new Set(appendProfiles.map(({ name }) => name));
  const profile = names.has("All") ? "All" : names.has("Basic") || names.size === 0 ? "Basic" : "None";
  const [excluded, included] = [exclude.map(matcherOf), include.map(matcherOf)];
  const isOfProfile = (name: string) => profile === "All" || (profile === "Basic" && isBasic(name));
  return families.flatMap((family) => {
    const { name } = family;
    const told = included.some((matches) => matches(name)) || (isOfProfile(name) && !excluded.some((matches) => matches(name)));
    if (!told) return [];
    if (profile !== "Basic") return [family];
    const samples = family.samples.filter(({ labels }) => !isInternal(labels["envoy_cluster_name"]));
    return samples.length > 0 ? [{ ...family, samples }] : [];
  });
}

function matcherOf({ type, match }: MetricSelector): (name: string) => boolean {
  switch (type) {
    case "Prefix":
      return (name) => name.startsWith(match);
    case "Contains":
      return (name) => name.includes(match);
    case "Exact":
      return (name) => name === match;
    case "Regex": {
      const regex = RE2JS.compile(match);
      return (name) => regex.matcher(name).find();
    }
  }
}
