import type { Command } from "commander";
import { stringify } from "yaml";
import { ApiClient } from "./client.ts";
import { readConfig, writeConfig, type ApiServer } from "./config-file.ts";
import { CtlError } from "./ctl-error.ts";
import { renderTable } from "./table.ts";

interface AddFlags {
  name: string;
  address?: string;
  overwrite?: boolean;
  skipVerify?: boolean;
  caCertFile?: string;
  authType?: string;
  authConf?: string[];
  headers?: string[];
}

/** `config`: which control planes this command line knows. */
export function addConfig(program: Command, path: () => string): void {
  const config = program.command("config").description("Choose the control plane to talk to");
  config
    .command("view")
    .description("Print the configuration")
    .action(() => void process.stdout.write(stringify(readConfig(path()))));

  const planes = config.command("control-planes").description("Known control planes");
  planes
    .command("list")
    .description("List them")
    .action(() => {
      const read = readConfig(path());
      const current = read.contexts.find((one) => one.name === read.currentContext)?.controlPlane;
      process.stdout.write(
        renderTable(
          ["ACTIVE", "NAME", "ADDRESS"],
          read.controlPlanes.map((one) => [one.name === current ? "*" : "", one.name, one.coordinates.apiServer.url]),
        ),
      );
    });
  planes
    .command("add")
    .description("Add one and switch to it")
    .requiredOption("--name <name>", "name to call it by")
    .option("--address <url>", "REST address, such as http://localhost:5681")
    .option("--overwrite", "replace one of that name")
    .option("--skip-verify", "do not verify its certificate")
    .option("--ca-cert-file <path>", "PEM of the CA that signed its certificate")
    .option("--auth-type <type>", "tokens, to send a user token")
    .option("--auth-conf <key=value...>", "token=<user token>", collect)
    .option("--headers <key=value...>", "sent with every request", collect)
    .action(async (_own: unknown, command: Command) => {
      // The program has an option of the same name, which is the one that receives it.
      const flags = command.optsWithGlobals<AddFlags>();
      if (flags.address === undefined) throw new CtlError("--address is required");
      if (!URL.canParse(flags.address) || !/^https?:/.test(flags.address))
        throw new CtlError("valid url is required for Control Plane address");
      const read = readConfig(path());
      if (read.controlPlanes.some((one) => one.name === flags.name) && !flags.overwrite)
        throw new CtlError(`Control Plane with name "${flags.name}" already exists. Use --overwrite to replace an existing one.`);
      const apiServer: ApiServer = {
        url: flags.address,
        ...(flags.skipVerify && { skipVerify: true }),
        ...(flags.caCertFile && { caCertFile: flags.caCertFile }),
        ...(flags.headers && { headers: pairs("--headers", flags.headers) }),
        ...(flags.authType && { authType: flags.authType, authConf: pairs("--auth-conf", flags.authConf ?? []) }),
      };
      const index = await new ApiClient({ ...apiServer, authType: undefined }).json<{ product?: string }>("GET", "/");
      if (index.product === undefined) throw new CtlError("could not connect to the Control Plane API Server: it does not say what it is");
      const others = {
        planes: read.controlPlanes.filter((one) => one.name !== flags.name),
        contexts: read.contexts.filter((one) => one.name !== flags.name),
      };
      writeConfig(path(), {
        controlPlanes: [...others.planes, { name: flags.name, coordinates: { apiServer } }],
        contexts: [...others.contexts, { name: flags.name, controlPlane: flags.name }],
        currentContext: flags.name,
      });
      console.log(`added Control Plane "${flags.name}"\nswitched active Control Plane to "${flags.name}"`);
    });
  planes
    .command("remove")
    .description("Forget one")
    .requiredOption("--name <name>", "which")
    .action((flags: { name: string }) => {
      const read = readConfig(path());
      if (!read.controlPlanes.some((one) => one.name === flags.name))
        throw new CtlError(`there is no Control Plane with name "${flags.name}"`);
      const contexts = read.contexts.filter((one) => one.controlPlane !== flags.name);
      const currentContext = contexts.some((one) => one.name === read.currentContext) ? read.currentContext : "";
      writeConfig(path(), { controlPlanes: read.controlPlanes.filter((one) => one.name !== flags.name), contexts, currentContext });
      console.log(`removed Control Plane "${flags.name}"`);
    });
  planes
    .command("switch")
    .description("Talk to another one from now on")
    .requiredOption("--name <name>", "which")
    .action((flags: { name: string }) => {
      const read = readConfig(path());
      if (!read.contexts.some((one) => one.name === flags.name)) throw new CtlError(`there is no Control Plane with name "${flags.name}"`);
      writeConfig(path(), { ...read, currentContext: flags.name });
      console.log(`switched active Control Plane to "${flags.name}"`);
    });
}

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

function pairs(flag: string, assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((one) => {
      const at = one.indexOf("=");
      if (at < 1) throw new CtlError(`${flag}: "${one}" is not of the form key=value`);
      return [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}
