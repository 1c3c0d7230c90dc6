import type { Command } from "commander";
import type { Io } from "../io.ts";
import { addInstallControlPlane } from "./install-control-plane.ts";
import { addInstallCrds } from "./install-crds.ts";

/** `install`: what runs on a cluster or a host, as text or done. */
export function addInstall(program: Command, io: Io): Command {
  const install = program
    .command("install")
    .description("What it takes to run on Kubernetes, and the rules that redirect a machine to its proxy");
  addInstallControlPlane(install, io);
  addInstallCrds(install, io);
  return install;
}
