import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileFault, readTextFile, readYaml } from "@atoll/yaml";
import { CtlError } from "./ctl-error.ts";
import { renderYaml } from "./yaml-output.ts";

export interface ApiServer {
  url: string;
  caCertFile?: string;
  clientCertFile?: string;
  clientKeyFile?: string;
  skipVerify?: boolean;
  headers?: { key: string; value: string }[];
  authType?: string;
  authConf?: Record<string, string>;
}

/** Which control planes the command line knows, in the format of `~/.kumactl/config`. */
export interface CtlConfig {
  contexts: { name: string; controlPlane: string; defaults?: { mesh?: string } }[];
  controlPlanes: { name: string; coordinates: { apiServer: ApiServer } }[];
  currentContext: string;
}

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
    const read = readYaml(readTextFile(path)) as Partial<CtlConfig> | null;
    return { contexts: read?.contexts ?? [], controlPlanes: read?.controlPlanes ?? [], currentContext: read?.currentContext ?? "" };
  } catch (error) {
    throw new CtlError(`cannot read the configuration ${path}: ${fileFault(error)}`);
  }
}

/** Tokens may be in it: readable by its owner only. */
export function writeConfig(path: string, config: CtlConfig): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderYaml(config), { mode: 0o600 });
  chmodSync(path, 0o600);
}

const activePlane = (config: CtlConfig): string | undefined =>
  config.contexts.find(({ name }) => name === config.currentContext)?.controlPlane;

/** Name of the control plane that commands talk to. */
export const activePlaneOf = (config: CtlConfig): string | undefined =>
  config.controlPlanes.find(({ name }) => name === activePlane(config))?.name;

export function currentApiServer(config: CtlConfig): ApiServer {
  const plane = config.controlPlanes.find(({ name }) => name === activePlane(config));
  if (plane === undefined) throw new CtlError("no active control plane is configured; use `config control-planes add`");
  return plane.coordinates.apiServer;
}
