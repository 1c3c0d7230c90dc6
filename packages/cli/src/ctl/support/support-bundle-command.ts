import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { version } from "@atoll/runtime/version";
import { fileError } from "@atoll/yaml";
import type { Command } from "commander";
import { ApiClient } from "../client.ts";
import { CtlError } from "../ctl-error.ts";
import { repeated } from "../flags.ts";
import type { Io } from "../io.ts";
import { withoutCredentials, withoutSecrets } from "./left-out.ts";

interface BundleFlags {
  revisions: string;
  proxy?: string[];
  diagnostics?: string[];
  diagnosticsTokenFile?: string;
}

/** One answer, or why there is none. */
type Part = { status: number; answer: unknown } | { error: string };

const ofTheControlPlane = [
  "/",
  "/config",
  "/who-am-i",
  "/_resources",
  "/status/zones",
  "/global-insight",
  "/zones/_overview",
  "/quarantine",
];
const ofProxies = ["/dataplanes/_overview", "/zone-ingresses/_overview", "/zoneegresses/_overview"];

/** `support-bundle`: what somebody who helps needs to see, in one file, without secrets. */
export function addSupportBundle(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("support-bundle <file>")
    .description("Write what somebody who helps needs to see into one file, without secrets: JSON, gzipped")
    .option("--revisions <n>", "how many of the newest changes", "200")
    .option("--proxy <mesh/name>", "with what made this proxy's configuration; again for more", repeated)
    .option("--diagnostics <url>", "with metrics, timelines and views of the service at this diagnostics address; again for more", repeated)
    .option("--diagnostics-token-file <path>", "what diagnostics.tokenFile of these services holds, if they are on other machines")
    .action(async (file: string, flags: BundleFlags) => {
      const parts = await collected(client(), flags);
      const bundle = { bundle: "atoll-support", version: 1, at: io.now().toISOString(), atollctl: version.atoll, parts };
      try {
        writeFileSync(file, gzipSync(JSON.stringify(bundle, undefined, 1)), { mode: 0o600, flag: "wx" });
      } catch (error) {
        throw new CtlError(fileError(file, error));
      }
      const failed = Object.entries(parts).filter(([, part]) => "error" in part || part.status >= 400);
      io.out(`wrote ${Object.keys(parts).length} answers to ${file}, without secrets\n`);
      for (const [path, part] of failed) io.err(`not there: ${path}: ${"error" in part ? part.error : part.status}\n`);
    });
}

async function collected(client: ApiClient, flags: BundleFlags): Promise<Record<string, Part>> {
  if (!/^\d+$/.test(flags.revisions)) throw new CtlError(`--revisions: ${JSON.stringify(flags.revisions)} is no number`);
  const parts: Record<string, Part> = {};
  const ask = async (from: ApiClient, path: string, at = "") => (parts[at + path] = await answerOf(from, path));
  // The first one says whether anybody is there at all.
  await client.json("GET", "/");
  for (const path of ofTheControlPlane) await ask(client, path);
  for (const path of ofProxies) await ask(client, `${path}?size=1000`);
  const newest = Number((await client.call("GET", "/")).headers["atoll-revision"] ?? 0);
  for (let revision = Math.max(1, newest - Number(flags.revisions) + 1); revision <= newest; revision++)
    await ask(client, `/revisions/${revision}`);
  if (newest > 0) await ask(client, `/revisions/${newest}/status`);
  for (const proxy of flags.proxy ?? []) {
    const [mesh, name] = proxy.split("/").map(encodeURIComponent);
    if (!mesh || !name) throw new CtlError(`--proxy: ${JSON.stringify(proxy)} is not MESH/NAME`);
    for (const view of ["_overview", "_explain", "_config", "policies"]) await ask(client, `/meshes/${mesh}/dataplanes/${name}/${view}`);
  }
  for (const url of flags.diagnostics ?? []) {
    const service = new ApiClient({ url, ...credential(flags.diagnosticsTokenFile) });
    for (const path of ["/readyz", "/metrics"]) await ask(service, path, url);
    const list = await ask(service, "/debug", url);
    for (const path of "answer" in list ? viewsIn(list.answer) : []) await ask(service, path, url);
  }
  return parts;
}

async function answerOf(client: ApiClient, path: string): Promise<Part> {
  try {
    const { status, text } = await client.call("GET", path);
    return { status, answer: readAnswer(text) };
  } catch (error) {
    return { error: withoutCredentials((error as Error).message) };
  }
}

function readAnswer(text: string): unknown {
  try {
    return withoutSecrets(JSON.parse(text));
  } catch {
    return withoutCredentials(text);
  }
}

/** The paths of the views that a service says it has. */
const viewsIn = (answer: unknown): string[] => [...new Set(JSON.stringify(answer).match(/\/debug\/[\w-]+/g))].toSorted();

function credential(file: string | undefined): { authType?: "tokens"; authConf?: Record<string, string> } {
  if (file === undefined) return {};
  try {
    return { authType: "tokens", authConf: { token: readFileSync(file, "utf8").trim() } };
  } catch (error) {
    throw new CtlError(fileError(file, error));
  }
}
