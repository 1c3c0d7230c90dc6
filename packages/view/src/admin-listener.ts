import { dialAddress, loopbackBeside } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import { adminClientName, adminClientsSecret, adminServerSecret, statName } from "./names.ts";
import type { ProxyMetadata } from "./proxy-ref.ts";
import type { DownstreamTlsView, EndpointView, HttpFilterView, RouteView } from "./proxy-view.ts";
import { refOf } from "./reasons.ts";
import type { Reasons } from "./reasons.ts";
import type { ViewBuilder } from "./view-builder.ts";

const adminName = "kuma:envoy:admin";
const readinessName = "kuma:readiness";
const defaultAdminPort = 9901;
const connectTimeoutMs = 5_000;

interface Administered {
  networking: { address: string; admin?: { port?: number } };
}

/**
 * Shows the admin interface on the proxy's own address: whether it is ready to everybody, all of it to who proves to be the zone's
 * control plane. Absent where that is the address the admin interface itself binds.
 */
export function addAdminListener(builder: ViewBuilder, proxy: Resource<Administered>, metadata: ProxyMetadata = {}): void {
  const { address, admin } = proxy.spec.networking;
  const adminAddress = metadata.adminAddress ?? loopbackBeside(address);
  if (address === adminAddress) return;
  const port = admin?.port || metadata.adminPort || defaultAdminPort;
  const { readinessPort } = metadata;
  const reasons = (): Reasons => ({ from: [refOf(proxy, "admin")], policies: [] });
  const local = (name: string, at: EndpointView): void =>
    builder.cluster(
      { name, altStatName: statName(name), discovery: { type: "static", endpoints: [at] }, connectTimeoutMs, http: "http1" },
      undefined,
      reasons,
    );
  local(adminName, { address: dialAddress(adminAddress), port });
  if (readinessPort) local(readinessName, { address: dialAddress(adminAddress), port: readinessPort });
  const tls: DownstreamTlsView = {
    certificates: [adminServerSecret],
    ca: adminClientsSecret,
    sans: [{ type: "dns", exact: adminClientName }],
  };
  const passing = (prefix: string, cluster: string) =>
    passingFilter(adminName, { match: { path: { prefix } }, action: { type: "forward", clusters: [{ name: cluster, weight: 1 }] } });
  builder.listener(
    {
      name: adminName,
      address,
      port,
      direction: "inbound",
      tlsInspector: true,
      chains: [
        { match: { transportProtocol: "raw_buffer" }, filter: passing("/ready", readinessPort ? readinessName : adminName) },
        { match: { transportProtocol: "tls" }, tls, filter: passing("/", adminName) },
      ],
    },
    reasons,
  );
}

const passingFilter = (name: string, route: RouteView): HttpFilterView => ({
  type: "http",
  statPrefix: statName(name),
  routes: { inline: { name, virtualHosts: [{ name, domains: ["*"], routes: [route] }] } },
});
