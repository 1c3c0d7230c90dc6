/** `node:fs` of a simulated process: the machine's disk, whose syncs take simulated time. */
import * as real from "node:fs";
import { currentProcess, currentWorld } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

export * from "node:fs";

const disk = () => {
  const process = currentProcess();
  return process && currentSimulation().disk(process.host);
};

export const openSync = (path: string, flags: string, mode?: number): number => {
  const file = real.openSync(path, flags, mode);
  disk()?.opened(file, path);
  return file;
};
export const closeSync = (file: number): void => {
  disk()?.closed(file);
  real.closeSync(file);
};
export const fdatasync = (file: number, done: (error: Error | null) => void): void => {
  const own = disk();
  if (own) own.sync(file, done);
  else real.fdatasync(file, done);
};
export const fdatasyncSync = (file: number): void => {
  const own = disk();
  if (own) own.syncNow(file);
  else real.fdatasyncSync(file);
};
export const readFileSync = (path: string, encoding?: BufferEncoding): unknown => {
  const process = currentProcess();
  if (process && path === "/proc/sys/kernel/random/boot_id") return `${process.host.name}-${process.host.boot}`;
  if (process && path.startsWith("/proc/net/")) throw new Error("not here");
  return encoding === undefined ? real.readFileSync(path) : real.readFileSync(path, encoding);
};
export const watch = (): { on(): void; close(): void } => {
  currentWorld();
  return { on: () => undefined, close: () => undefined };
};
