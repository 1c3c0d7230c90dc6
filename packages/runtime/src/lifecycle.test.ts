import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { Lifecycle } from "./lifecycle.ts";
import { createLogger } from "./logger.ts";

test("parts are closed in reverse order, and one that fails keeps no other open", async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle(createLogger("test", "silent"));
  const part = (name: string) => ({ close: () => void closed.push(name) });
  lifecycle.add("first", part("first"));
  lifecycle.add("broken", {
    close: () => {
      throw new Error("broken");
    },
  });
  lifecycle.add("last", part("last"));
  await lifecycle.close();
  expect(closed).toEqual(["last", "first"]);
  expect(lifecycle.signal.aborted).toBe(true);
});

/** Runs a script of this package in a process of its own and signals it when it says "ready". */
async function signalled(start: string): Promise<number | null> {
  const script = `
    import { createLogger } from "${import.meta.dirname}/logger.ts";
    import { runUntilSignal } from "${import.meta.dirname}/lifecycle.ts";
    setInterval(() => {}, 1000);
    const run = runUntilSignal(createLogger("test", "silent"), async () => { ${start} });
    console.log("ready");
    await run;`;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [status] = (await once(child, "exit")) as [number | null];
  return status;
}

test("SIGTERM ends a running service with status 0", async () => {
  expect(await signalled("return { close: async () => {} };")).toBe(0);
});

test("SIGTERM ends a service that waits for something while it starts", async () => {
  expect(await signalled("await new Promise(() => {}); return { close: async () => {} };")).toBe(0);
});
