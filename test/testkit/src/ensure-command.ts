import { spawnSync } from "node:child_process";

/**
 * Sees that a command can be run, installing Debian's package for it where that is possible (as root, with apt-get). Throws
 * `otherwise`, one line that says what is missing, if it still cannot.
 */
export function ensureCommand(command: string, args: readonly string[], debianPackage: string, otherwise: string): void {
  const isThere = () => spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (isThere()) return;
  if (process.getuid?.() === 0 && spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status === 0) {
    const quiet = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
    const install = () =>
      spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "-q", "--no-install-recommends", debianPackage], quiet)
        .status === 0;
    if (!install()) {
      spawnSync("apt-get", ["update", "-q"], quiet);
      install();
    }
  }
  if (!isThere()) throw new Error(otherwise);
}
