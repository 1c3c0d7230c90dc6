#!/usr/bin/env node
/** Writes each package's tsconfig references from its package.json, so that there is one place to say who imports whom. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = ["packages", "services", "test"]
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .concat("demo");
const packages = folders.filter((folder) => existsSync(join(root, folder, "package.json")));
const read = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
const folderOf = new Map(packages.map((folder) => [read(folder).name, folder]));

for (const folder of packages) {
  const { dependencies = {}, devDependencies = {} } = read(folder);
  const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)].filter((name) => folderOf.has(name));
  const path = join(root, folder, "tsconfig.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.references = [...new Set(names)].sort().map((name) => ({ path: relative(folder, folderOf.get(name)) }));
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
}
const top = { files: [], references: packages.map((folder) => ({ path: `./${folder}` })) };
writeFileSync(join(root, "tsconfig.json"), `${JSON.stringify(top, null, 2)}\n`);
