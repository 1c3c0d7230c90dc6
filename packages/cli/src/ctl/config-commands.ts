import type { Command } from "commander";
import { keyValues } from "../input/flag-values.ts";
import { ApiClient } from "./client.ts";
import { type ApiServer, activePlaneOf, readConfig, writeConfig } from "./config-file.ts";
import { CtlError } from "./ctl-error.ts";
import { repeated, requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { renderTable } from "./table.ts";
import { renderYaml } from "./yaml-output.ts";

interface AddFlags {
  name: string;
  address: string;
  overwrite?: true;
  skipVerify?: true;
  skipCheck?: true;
  caCertFile?: string;
  clientCertFile?: string;
  clientKeyFile?: string;
  authType?: string;
  authConf?: string[];
  headers?: string[];
}

/** `config`: which control planes this command line knows. */
export function addConfig(program: Command, path: () => string, io: Io): void {
  const config = program.command("config").description("Choose the control plane to talk to");
  config
    .command("view")
    .description("Print the configuration")
    .action(() => io.out(`${renderYaml(readConfig(path()))}\n`));

  const planes = config.command("control-planes").description("Known control planes");
  planes
    .command("list")
    .description("List them")
    .action(() => {
      const read = readConfig(path());
      const active = activePlaneOf(read);
      const rows = read.controlPlanes.map(({ name, coordinates }) => [name === active ? "*" : "", name, coordinates.apiServer.url]);
      io.out(renderTable(["ACTIVE", "NAME", "ADDRESS"], rows));
    });
  planes
    .command("add")
    .description("Add one and switch to it")
    .option("--name <name>", "name to call it by (required)")
    .option("--address <url>", "REST address, such as http://localhost:5681 (required)")
    .option("--overwrite", "replace one of that name")
    .option("--skip-verify", "do not verify its certificate")
    .option("--skip-check", "do not try to connect")
    .option("--ca-cert-file <path>", "PEM of the CA that signed its certificate")
    .option("--client-cert-file <path>", "PEM of a client certificate to show")
    .option("--client-key-file <path>", "PEM of its key")
    .option("--auth-type <type>", "tokens, to send a user token")
    .option("--auth-conf <key=value>", "token=<user token>", repeated)
    .option("--headers <key=value>", "sent with every request", repeated)
    // The program has an option of the same name, which is the one that receives the address.
    .action((_own: unknown, command: Command) => add(command.optsWithGlobals<AddFlags>(), path(), io));
  planes
    .command("remove")
    .description("Forget one")
    .option("--name <name>", "which (required)")
    .action((flags: { name: string }) => remove(flags, path(), io));
  planes
    .command("switch")
    .description("Talk to another one from now on")
    .option("--name <name>", "which (required)")
    .action((flags: { name: string }) => {
      requireFlags(flags, "name");
      const read = readConfig(path());
      if (!read.contexts.some(({ name }) => name === flags.name)) throw unknownPlane(flags.name);
      writeConfig(path(), { ...read, currentContext: flags.name });
      io.out(`switched active Control Plane to "${flags.name}"\n`);
    });
}

const unknownPlane = (name: string) => new CtlError(`there is no Control Plane with name "${name}"`);

async function add(flags: AddFlags, path: string, io: Io): Promise<void> {
  requireFlags({ ...flags }, "name", "address");
  const apiServer = apiServerOf(flags);
  const read = readConfig(path);
  if (!flags.skipCheck) await checkPlane(apiServer);
  if (read.controlPlanes.some(({ name }) => name === flags.name) && !flags.overwrite) {
    throw new CtlError(`Control Plane with name "${flags.name}" already exists. Use --overwrite to replace an existing one.`);
  }
  writeConfig(path, {
    controlPlanes: [...read.controlPlanes.filter(({ name }) => name !== flags.name), { name: flags.name, coordinates: { apiServer } }],
    contexts: [...read.contexts.filter(({ name }) => name !== flags.name), { name: flags.name, controlPlane: flags.name }],
    currentContext: flags.name,
  });
  io.out(`added Control Plane "${flags.name}"\nswitched active Control Plane to "${flags.name}"\n`);
}

function apiServerOf(flags: AddFlags): ApiServer {
  if (!URL.canParse(flags.address) || !/^https?:/.test(flags.address)) {
    throw new CtlError(`API Server URL is invalid: parse "${flags.address}": invalid URI for request`);
  }
  if ((flags.clientCertFile === undefined) !== (flags.clientKeyFile === undefined)) {
    throw new CtlError("Both --client-cert-file and --client-key-file needs to be specified");
  }
  const authConf = keyValues(flags.authConf ?? [], "--auth-conf");
  if (flags.authType !== undefined && flags.authType !== "tokens") {
    throw new CtlError(`authentication plugin of type "${flags.authType}" is not found`);
  }
  if (flags.authType === "tokens" && !authConf["token"]) {
    throw new CtlError('--auth-conf is not valid: provide token=YOUR_TOKEN. Example: "--auth-conf token=YOUR_TOKEN"');
  }
  const headers = Object.entries(keyValues(flags.headers ?? [], "--headers")).map(([key, value]) => ({ key, value }));
  return {
    url: flags.address,
    ...(flags.skipVerify && { skipVerify: true }),
    ...(flags.caCertFile && { caCertFile: flags.caCertFile }),
    ...(flags.clientCertFile && { clientCertFile: flags.clientCertFile, clientKeyFile: flags.clientKeyFile }),
    ...(headers.length > 0 && { headers: headers.toSorted((a, b) => (a.key < b.key ? -1 : 1)) }),
    ...(flags.authType && { authType: flags.authType, authConf }),
  };
}

/** Asked without credentials: a wrong token is seen by the first command that needs it. */
async function checkPlane(apiServer: ApiServer): Promise<void> {
  try {
    const index = await new ApiClient({ ...apiServer, authType: undefined }).json<{ product?: string }>("GET", "/");
    if (index.product === undefined) throw new CtlError("it does not say what it is");
  } catch (error) {
    throw new CtlError(`could not connect to the Control Plane API Server: ${(error as Error).message}`);
  }
}

function remove(flags: { name: string }, path: string, io: Io): void {
  requireFlags(flags, "name");
  const read = readConfig(path);
  if (!read.controlPlanes.some(({ name }) => name === flags.name)) throw unknownPlane(flags.name);
  const contexts = read.contexts.filter(({ controlPlane }) => controlPlane !== flags.name);
  const left = contexts.find(({ name }) => name === read.currentContext) ?? contexts[0];
  writeConfig(path, {
    controlPlanes: read.controlPlanes.filter(({ name }) => name !== flags.name),
    contexts,
    currentContext: left?.name ?? "",
  });
  io.out(`removed Control Plane "${flags.name}"\n`);
  io.out(
    left === undefined
      ? "there is no active Control Plane left. Use `atollctl config control-planes add` to add a Control Plane and make it active\n"
      : `switched active Control Plane to "${left.controlPlane}"\n`,
  );
}
