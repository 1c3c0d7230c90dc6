import * as real from "node:os";
import { currentProcess } from "../world/world.ts";

export * from "node:os";
export const hostname = (): string => currentProcess()?.host.name ?? real.hostname();
