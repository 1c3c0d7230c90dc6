import { spawnSync } from "node:child_process";
import { Cluster } from "./cluster.ts";
import { clusterPrograms } from "./cluster-program.ts";
import { packProjectImages } from "./images.ts";
import { prepareMachine } from "./machine.ts";

/** How long, and how often, to look whether a cluster has come to something. */
export const patient = { limitMs: 60_000, everyMs: 500 };

/** A cluster with the project's images: as `npm test` starts it, its programs may still be being built. */
export async function startTestCluster(number = 1): Promise<Cluster> {
  prepareMachine();
  const { cluster, pause } = await clusterPrograms((line) => console.log(line));
  const envoy = process.env["ENVOY_PATH"] ?? spawnSync("which", ["envoy"], { encoding: "utf8" }).stdout.trim();
  return Cluster.start({ number, program: cluster, images: [packProjectImages(pause, envoy)] });
}
