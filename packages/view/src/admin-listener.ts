import type { Resource } from "@atoll/resource";
import { statName } from "./names.ts";
import type { ProxyMetadata } from "./proxy-ref.ts";
import type { RouteView } from "./proxy-view.ts";
import { refOf } from "./reasons.ts";
import type { Reasons } from "./reasons.ts";
import type { ViewBuilder } from "./view-builder.ts";

const adminName = "kuma:envoy:admin";
const readinessName = "kuma:readiness";
const defaultAdminPort = 9901;
const defaultAdminAddress = "127.0.0.1";
const connectTimeoutMs = 5_000;

interface Administered {
  networking: { address: string; admin?: { port?: number } };
}

/**
 * Lets others ask whether the proxy is ready, on its own address. Absent where that is the address the admin interface itself
 * binds. Nothing else of the admin interface is shown.
 */
export function addAdminListener(builder: ViewBuilder, proxy: Resource<Administered>, metadata: ProxyMetadata = {}): void {
  const { address, admin } = proxy.spec.networking;
  const adminAddress = metadata.adminAddress ?? defaultAdminAddress;
  if (address === adminAddress) return;
  const port = admin?.port || metadata.adminPort || defaultAdminPort;
  const { readinessPort } = metadata;
  const target = readinessPort ? readinessName : adminName;
  const reasons = (): Reasons => ({ from: [refOf(proxy, "admin")], policies: [] });
  builder.cluster(
    {
      name: target,
      altStatName: statName(target),
      discovery: {
        type: "static",
        endpoints: [{ address: readinessPort ? defaultAdminAddress : adminAddress, port: readinessPort ?? port }],
      },
      connectTimeoutMs,
      http: "http1",
    },
    undefined,
    reasons,
  );
  const route: RouteView = {
    match: { path: { prefix: "/ready" } },
    action: { type: "forward", clusters: [{ name: target, weight: 1 }] },
  };
  builder.listener(
    {
      name: adminName,
      address,
      port,
      direction: "inbound",
      chains: [
        {
          filter: {
            type: "http",
            statPrefix: statName(adminName),
            routes: { inline: { name: adminName, virtualHosts: [{ name: adminName, domains: ["*"], routes: [route] }] } },
          },
        },
      ],
    },
    reasons,
  );
}
