import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  utimesSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** One file of a layer: a file of this machine, a symbolic link, or a text. */
export type LayerFile = { from: string } | { link: string } | { text: string; mode?: number };
/** By the path in the image. */
export type Layer = Record<string, LayerFile>;

export interface Image {
  name: string;
  layers: Layer[];
  entrypoint: string[];
  command?: string[];
  env?: Record<string, string>;
  /** `uid:gid`. */
  user?: string;
  workingDir?: string;
}

/**
 * Packs images into one archive that containerd imports, layers that they share once, without a container engine. Layers made of
 * the same files are taken from `folder`, where they were left the last time. Returns the archive's path.
 */
export function packImages(images: readonly Image[], folder: string): string {
  mkdirSync(folder, { recursive: true });
  const making = mkdtempSync(join(folder, "making-"));
  try {
    const packed = new Map<Layer, string>();
    const layerOf = (layer: Layer) => {
      if (!packed.has(layer)) packed.set(layer, packLayer(layer, folder));
      return packed.get(layer)!;
    };
    const manifest = images.map((image) => {
      const digests = image.layers.map(layerOf);
      const config = JSON.stringify({
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config: {
          Entrypoint: image.entrypoint,
          Cmd: image.command ?? [],
          Env: Object.entries({ PATH: "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", ...image.env }).map((pair) => pair.join("=")),
          User: image.user ?? "",
          WorkingDir: image.workingDir ?? "/",
        },
        rootfs: { type: "layers", diff_ids: digests.map((digest) => `sha256:${digest}`) },
      });
      const configFile = `${createHash("sha256").update(config).digest("hex")}.json`;
      writeFileSync(join(making, configFile), config);
      return { Config: configFile, RepoTags: [image.name], Layers: digests.map((digest) => `${digest}.tar`) };
    });
    for (const digest of new Set(packed.values())) linkSync(join(folder, `${digest}.tar`), join(making, `${digest}.tar`));
    const manifestText = JSON.stringify(manifest);
    writeFileSync(join(making, "manifest.json"), manifestText);
    const archive = join(folder, `images-${createHash("sha256").update(manifestText).digest("hex").slice(0, 16)}.tar`);
    if (!existsSync(archive)) {
      tar(making, `${archive}.${process.pid}`);
      renameSync(`${archive}.${process.pid}`, archive);
    }
    utimesSync(archive, new Date(), new Date());
    removeOld(folder);
    return archive;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Archives of an hour ago are of a bundle that is gone; whoever took one has imported it by now. */
function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith("images-") && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { force: true });
  }
}

/** Answers the digest of the layer's archive, `folder/<digest>.tar`. */
function packLayer(layer: Layer, folder: string): string {
  const sources = JSON.stringify(Object.entries(layer).map(([path, file]) => [path, "from" in file ? stampOf(file.from) : file]));
  const known = join(folder, `layer-${createHash("sha256").update(sources).digest("hex").slice(0, 32)}`);
  if (existsSync(known)) {
    const digest = readFileSync(known, "utf8");
    if (existsSync(join(folder, `${digest}.tar`))) return digest;
  }
  const staged = mkdtempSync(join(folder, "layer-"));
  const archive = `${staged}.tar`;
  try {
    chmodSync(staged, 0o755);
    for (const [path, file] of Object.entries(layer)) place(file, join(staged, path));
    // Everybody's, like /tmp of any image.
    if (existsSync(join(staged, "tmp"))) chmodSync(join(staged, "tmp"), 0o1777);
    tar(staged, archive);
    const digest = createHash("sha256").update(readFileSync(archive)).digest("hex");
    renameSync(archive, join(folder, `${digest}.tar`));
    writeFileSync(known, digest);
    return digest;
  } finally {
    rmSync(staged, { recursive: true, force: true });
    rmSync(archive, { force: true });
  }
}

const stampOf = (path: string): string => {
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
};

function place(file: LayerFile, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if ("link" in file) symlinkSync(file.link, target);
  else if ("text" in file) writeFileSync(target, file.text, { mode: file.mode ?? 0o644 });
  else {
    copyFileSync(file.from, target);
    chmodSync(target, (statSync(file.from).mode & 0o777) | 0o444);
  }
}

function tar(from: string, to: string): void {
  // Equal files make equal bytes, whenever they are packed.
  const alike = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name"];
  const { status, stderr } = spawnSync("tar", ["-C", from, ...alike, "-cf", to, "."], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tar: ${stderr}`);
}
