import type { Collector } from "@atoll/policy";
import { isIP } from "node:net";
import type { ClusterView } from "../proxy-view.ts";

/** How a proxy finds something outside of the mesh that takes what it tells. */
export const collectorDiscovery = ({ host: address, port }: Collector): ClusterView["discovery"] =>
  isIP(address) ? { type: "static", endpoints: [{ address, port }] } : { type: "dns", endpoints: [{ address, port }], family: "auto" };
