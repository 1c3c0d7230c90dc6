import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

/** The rig needs PyYAML. Answers the environment in which python3 has it: as it is, or with a copy of ours below `stateFolder`. */
export function pythonEnvironment(stateFolder: string): Record<string, string> {
  const without = spawnSync("python3", ["-c", "import yaml"], { encoding: "utf8" });
  if (without.error) throw new Error(`cannot run python3, which the rig needs: ${without.error.message}`);
  if (without.status === 0) return {};
  const target = join(stateFolder, "python-rig");
  const env = { PYTHONPATH: [target, process.env["PYTHONPATH"]].filter(Boolean).join(delimiter) };
  if (spawnSync("python3", ["-c", "import yaml"], { env: { ...process.env, ...env } }).status === 0) return env;
  const installed = spawnSync("python3", ["-m", "pip", "install", "--quiet", "--target", target, "pyyaml"], { encoding: "utf8" });
  if (installed.status !== 0) throw new Error(`cannot install PyYAML, which the rig needs:\n${installed.stderr}`);
  return env;
}
