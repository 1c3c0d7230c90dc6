/** `node:fs/promises` of a simulated process: done at once, so that no thread has a say in the order. */
import * as fs from "node:fs";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

const disk = () => {
  const process = currentProcess();
  return process && currentSimulation().disk(process.host);
};

type Options = Parameters<typeof fs.writeFileSync>[2];

export const mkdir = async (path: string, options?: fs.MakeDirectoryOptions) => fs.mkdirSync(path, options);
export const readFile = async (path: string, encoding?: BufferEncoding) =>
  encoding === undefined ? fs.readFileSync(path) : fs.readFileSync(path, encoding);
export const readdir = async (path: string) => fs.readdirSync(path);
export const unlink = async (path: string) => fs.unlinkSync(path);
export const rm = async (path: string, options?: fs.RmOptions) => fs.rmSync(path, options);
export const link = async (from: string, to: string) => fs.linkSync(from, to);
export const writeFile = async (path: string, text: string, options?: Options) => {
  fs.writeFileSync(path, text, options);
  disk()?.wrote(path);
};
export const rename = async (from: string, to: string) => {
  fs.renameSync(from, to);
  disk()?.renamed(from, to);
};
export const open = async (path: string, flags?: string, mode?: number) => {
  const file = fs.openSync(path, flags ?? "r", mode);
  return {
    writeFile: async (text: string) => {
      fs.writeFileSync(file, text);
      disk()?.wrote(path);
    },
    sync: async () => disk()?.synced(path),
    datasync: async () => disk()?.synced(path),
    close: async () => fs.closeSync(file),
  };
};
