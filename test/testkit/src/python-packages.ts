import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { repositoryRoot } from "./kafka-jars.ts";

/**
 * The environment in which python3 can import a module: as it is, or with copies of `requirements` below `.atoll/<folder>`, which are
 * installed there the first time. Throws with a line that says what is missing.
 */
export function pythonPackages(folder: string, module: string, requirements: readonly string[]): Record<string, string> {
  const imports = (env: Record<string, string>) =>
    spawnSync("python3", ["-c", `import ${module}`], { encoding: "utf8", env: { ...process.env, ...env } });
  const asItIs = imports({});
  if (asItIs.error) throw new Error(`cannot run python3, which ${module} needs: ${asItIs.error.message}`);
  if (asItIs.status === 0) return {};
  const target = join(repositoryRoot(), ".atoll", folder);
  const env = { PYTHONPATH: [target, process.env["PYTHONPATH"]].filter(Boolean).join(delimiter) };
  if (imports(env).status === 0) return env;
  const installed = spawnSync("python3", ["-m", "pip", "install", "--quiet", "--target", target, ...requirements], { encoding: "utf8" });
  if (installed.status !== 0) throw new Error(`cannot install ${requirements.join(" ")} for python3:\n${installed.stderr}`);
  return env;
}
