import { spawn } from "node:child_process";

/**
 * A child without its supervisor would hold its ports for ever, and the folder its secrets: a small shell waits for this process's end,
 * however it comes. Returns how to send it home once the child is gone, for its process id may then be another's.
 */
export function endWithThisProcess(pid: number, folder: string | undefined): () => void {
  const script = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2"';
  const watcher = spawn("sh", ["-c", script, "sh", String(pid), folder ?? ""], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  watcher.on("error", () => undefined);
  watcher.unref();
  return () => watcher.kill("SIGKILL");
}
