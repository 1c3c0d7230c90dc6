import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

// A program that prints until it is stopped, with what the commands begin with.
const program = `
import { endOnBrokenPipe } from ${JSON.stringify(new URL("./broken-pipe.ts", import.meta.url).href)};
endOnBrokenPipe();
const print = () => process.stdout.write("x".repeat(65536), () => setImmediate(print));
print();
`;

test("a program whose reader leaves ends at once, without a word", async () => {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [status] = (await once(child, "exit")) as [number];
  expect([status, said]).toEqual([141, ""]);
});
