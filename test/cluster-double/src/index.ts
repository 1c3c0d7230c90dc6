export { ClusterDouble } from "./cluster-double.ts";
export { serveCluster, type ServedCluster } from "./serve-cluster.ts";
