import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLogger } from "@atoll/runtime";
import { globalSettings, startGlobal } from "@atoll/service-global";
import { startTokensProcess, tokensSettings } from "@atoll/service-tokens";
import { freePort } from "@atoll/testkit/free-port";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { runCtl } from "../src/ctl/command.ts";

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export interface ControlPlane {
  url: string;
  /** Of global. */
  diagnostics: string;
  /** Writes a file; answers its path. */
  folder: string;
  ctl(...args: string[]): Promise<Outcome>;
  /** With standard input. */
  ctlWith(input: string, ...args: string[]): Promise<Outcome>;
  close(): Promise<void>;
}

export const clock = new Date("2030-01-01T00:00:00Z");

/** Runs the command line against an address. */
export async function ctlAt(url: string, args: readonly string[], input = ""): Promise<Outcome> {
  let out = "";
  let err = "";
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    input: async () => input,
    now: () => clock,
  };
  const code = await runCtl(["--address", url, ...args], io);
  return { code, out, err };
}

/** A global service and its token issuer in this process, with their files in a folder of their own. */
export async function startControlPlane(): Promise<ControlPlane> {
  const scratch = scratchFolder();
  const workDir = join(scratch.path, "global");
  mkdirSync(workDir);
  const [http, kds, tokens, diagnostics, tokensDiagnostics] = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const log = createLogger("test", "silent");
  const local = "127.0.0.1";
  const url = `http://${local}:${http}`;
  const global = await startGlobal(
    globalSettings.parse({
      general: { workDir },
      apiServer: { http: { interface: local, port: http }, https: { enabled: false } },
      multizone: { global: { kds: { grpcInterface: local, grpcPort: kds } } },
      tokens: { url: `http://${local}:${tokens}` },
      diagnostics: { serverInterface: local, serverPort: diagnostics },
    }),
    log,
  );
  const issuer = await startTokensProcess(
    tokensSettings.parse({
      general: { workDir },
      tokens: { interface: local, port: tokens },
      global: { address: `grpcs://${local}:${kds}` },
      diagnostics: { serverInterface: local, serverPort: tokensDiagnostics },
    }),
    log,
  );
  return {
    url,
    diagnostics: `http://${local}:${diagnostics}`,
    folder: scratch.path,
    ctl: (...args) => ctlAt(url, args),
    ctlWith: (input, ...args) => ctlAt(url, args, input),
    close: async () => {
      await issuer.close();
      await global.close();
      scratch[Symbol.dispose]();
    },
  };
}
