import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import { CtlError } from "./ctl-error.ts";

/** Which control planes the command line knows, in the format of `~/.kumactl/config`. */
export interface CtlConfig {
  contexts: { name: string; controlPlane: string; defaults?: { mesh?: string } }[];
  controlPlanes: {
    name: string;
    coordinates: {
      apiServer: {
        url: string;
        caCertFile?: string;
        skipVerify?: boolean;
        headers?: Record<string, string>;
        authType?: string;
        authConf?: Record<string, string>;
      };
    };
  }[];
  currentContext: string;
}

export type ApiServer = CtlConfig["controlPlanes"][number]["coordinates"]["apiServer"];

/** Where a fresh installation points. */
const builtIn: CtlConfig = {
  contexts: [{ name: "local", controlPlane: "local" }],
  controlPlanes: [{ name: "local", coordinates: { apiServer: { url: "http://localhost:5681" } } }],
  currentContext: "local",
};

export const defaultConfigPath = (): string => {
  const own = join(homedir(), ".atollctl", "config");
  const kumactls = join(homedir(), ".kumactl", "config");
  return !existsSync(own) && existsSync(kumactls) ? kumactls : own;
};

export function readConfig(path: string): CtlConfig {
  if (!existsSync(path)) return structuredClone(builtIn);
  try {
    const read = parse(readFileSync(path, "utf8")) as Partial<CtlConfig> | null;
    return { contexts: read?.contexts ?? [], controlPlanes: read?.controlPlanes ?? [], currentContext: read?.currentContext ?? "" };
  } catch (error) {
    throw new CtlError(`cannot read the configuration ${path}: ${(error as Error).message}`);
  }
}

/** Tokens may be in it: readable by its owner only. */
export function writeConfig(path: string, config: CtlConfig): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, stringify(config), { mode: 0o600 });
  chmodSync(path, 0o600);
}

export function currentApiServer(config: CtlConfig): ApiServer {
  const context = config.contexts.find((one) => one.name === config.currentContext);
  const plane = config.controlPlanes.find((one) => one.name === context?.controlPlane);
  if (plane === undefined) throw new CtlError("no active control plane is configured; use `config control-planes add`");
  return plane.coordinates.apiServer;
}
