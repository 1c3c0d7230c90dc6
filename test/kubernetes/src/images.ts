import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { repositoryRoot } from "@atoll/testkit/kafka-jars";
import { packImages, type Image, type Layer } from "./image-archive.ts";
import { busybox } from "./machine.ts";

/** Where test clusters have the project's images; nothing is ever pulled from there. */
export const registry = "registry.local/atoll";
export const imageTag = "test";
export const imageNames = {
  /** `atoll`: every service. */
  controlPlane: `${registry}/atoll-cp:${imageTag}`,
  /** `atoll-dp` and Envoy. */
  dataplane: `${registry}/atoll-dp:${imageTag}`,
  /** `atollctl` and iptables. */
  init: `${registry}/atoll-init:${imageTag}`,
  /** Node and a shell, for workloads: `node -e …`. */
  workload: `${registry}/workload:${imageTag}`,
} as const;

const applets = "sh cat cp env grep head id ip kill killall ls mkdir mount nc ps rm sed sleep tail touch true".split(" ");
const iptablesNames = ["", "-save", "-restore"].flatMap((end) => ["iptables", "ip6tables"].map((start) => `${start}${end}`));

/** Packs the project's bundle, Envoy and what they need of this machine; the same images as `deploy/container/Dockerfile` makes. */
export function packProjectImages(pause: string, envoy: string): string {
  const root = repositoryRoot();
  const bundle = folderLayer(join(root, "build"), "opt/atoll");
  if (Object.keys(bundle).length === 0) throw new Error("there is no build/: npm run build makes it");
  const commands: Layer = Object.fromEntries(
    Object.entries({ atoll: "atoll", atollctl: "atollctl", kumactl: "atollctl", "atoll-dp": "atoll-dp", "kuma-dp": "atoll-dp" }).map(
      ([name, script]) => [`usr/bin/${name}`, commandFile(script)],
    ),
  );
  const base = baseLayer();
  const program = { ...bundle, ...commands };
  const envoyLayer = withLibraries({ "usr/local/bin/envoy": { from: realpathSync(envoy) } }, base);
  const iptablesLayer = iptables(base);
  const node = (script: string) => ["node", "--disable-warning=ExperimentalWarning", `/opt/atoll/${script}.js`];
  const user = "65532:65532";
  const env = { ATOLL_GENERAL_WORK_DIR: "/var/lib/atoll" };
  const images: Image[] = [
    { name: imageNames.controlPlane, layers: [base, program], entrypoint: node("atoll"), command: ["--help"], user, env },
    {
      name: imageNames.dataplane,
      layers: [base, envoyLayer, program],
      entrypoint: node("atoll-dp"),
      command: ["run"],
      user,
      env: { ENVOY_PATH: "/usr/local/bin/envoy" },
    },
    { name: imageNames.init, layers: [base, iptablesLayer, program], entrypoint: node("atollctl"), command: ["--help"] },
    { name: imageNames.workload, layers: [base], entrypoint: ["node"] },
    { name: "registry.local/pause:3.10", layers: [{ pause: { from: pause } }], entrypoint: ["/pause"] },
  ];
  return packImages(images, join(root, ".atoll", "kubernetes", "images"));
}

/** Node, a shell, and what looking up names and people needs. */
function baseLayer(): Layer {
  const layer: Layer = {
    "usr/local/bin/node": { from: realpathSync(process.execPath) },
    "bin/busybox": { from: busybox },
    "etc/passwd": { text: "root:x:0:0:root:/:/bin/sh\nkuma-dp:x:5678:5678::/:/bin/sh\natoll:x:65532:65532::/:/bin/sh\n" },
    "etc/group": { text: "root:x:0:\nkuma-dp:x:5678:\natoll:x:65532:\n" },
    "etc/nsswitch.conf": { text: "passwd: files\ngroup: files\nhosts: files dns\n" },
    "tmp/.keep": { text: "" },
    "var/lib/atoll/.keep": { text: "" },
  };
  for (const applet of applets) layer[`bin/${applet}`] = { link: "busybox" };
  return withLibraries(layer);
}

/** iptables is one program by many names, with a library for each match and target. */
function iptables(base: Layer): Layer {
  const layer: Layer = { "tmp/.keep": { text: "" } };
  for (const kind of ["nft", "legacy"]) {
    const program = ["/usr/sbin", "/sbin"].map((folder) => join(folder, `xtables-${kind}-multi`)).find(existsSync);
    if (!program) continue;
    layer[`usr/sbin/xtables-${kind}-multi`] = { from: program };
    for (const name of iptablesNames) {
      layer[`usr/sbin/${name.replace("tables", `tables-${kind}`)}`] = { link: `xtables-${kind}-multi` };
      if (kind === "nft") layer[`usr/sbin/${name}`] = { link: "xtables-nft-multi" };
    }
  }
  const nft = "/usr/sbin/nft";
  if (existsSync(nft)) layer["usr/sbin/nft"] = { from: nft };
  const withPrograms = withLibraries(layer, base);
  const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch as "x64"] ?? process.arch;
  const extensions = folderLayer(`/usr/lib/${machine}-linux-gnu/xtables`, `usr/lib/${machine}-linux-gnu/xtables`);
  return { ...withPrograms, ...extensions };
}

/** Adds what the programs of a layer are linked with and `below` does not have. */
function withLibraries(layer: Layer, below: Layer = {}): Layer {
  const libraries: Layer = {};
  for (const file of Object.values(layer)) {
    if (!("from" in file)) continue;
    const { stdout } = spawnSync("ldd", [file.from], { encoding: "utf8" });
    for (const [, path] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm))
      if (!below[path!.slice(1)]) libraries[path!.slice(1)] = { from: realpathSync(path!) };
  }
  return { ...layer, ...libraries };
}

function folderLayer(folder: string, below: string): Layer {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [join(below, name), { from: realpathSync(join(folder, name)) }]));
}

function commandFile(script: string): Layer[string] {
  return { text: `#!/bin/sh\nexec node --disable-warning=ExperimentalWarning /opt/atoll/${basename(script)}.js "$@"\n`, mode: 0o755 };
}
