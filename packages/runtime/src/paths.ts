import { homedir, hostname } from "node:os";
import { resolve } from "node:path";

/** Expands a leading `~`, and makes the path absolute. */
export const expandPath = (path: string): string => resolve(path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path);

/** Names a process of this machine in logs and insights: the same after a restart. */
export const instanceName = (kind: string, port: number): string => `${hostname()}-${kind}-${port}`;
