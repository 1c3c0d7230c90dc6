import type { Command } from "commander";
import { stringify } from "yaml";
import type { Io } from "../io.ts";
import { installedDefinitions } from "./cluster-facts.ts";

/** Prints the definitions of every kind of the group kuma.io. */
export function addInstallCrds(install: Command, io: Io): void {
  install
    .command("crds")
    .description("Print the definitions of all kinds, for kubectl apply --server-side -f -")
    .option("--only-missing", "only those that the cluster does not have yet")
    .action(async ({ onlyMissing }: { onlyMissing?: true }) => {
      const { customResourceDefinitions } = await import("@atoll/kubernetes");
      const present = onlyMissing ? await installedDefinitions() : new Set<string>();
      const wanted = customResourceDefinitions().filter(({ metadata }) => !present.has(metadata.name));
      io.out(wanted.map((one) => `---\n${stringify(one, { lineWidth: 0, aliasDuplicateObjects: false })}`).join(""));
    });
}
