export { Cluster, type Answer, type ClusterOptions } from "./cluster.ts";
export { clusterPrograms, type ClusterPrograms } from "./cluster-program.ts";
export { imageNames, imageTag, packProjectImages, registry } from "./images.ts";
export { prepareMachine } from "./machine.ts";
export { startTestCluster } from "./test-cluster.ts";
