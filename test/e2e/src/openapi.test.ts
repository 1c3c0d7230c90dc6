import { spawn } from "node:child_process";
import { once } from "node:events";
import { pythonPackages } from "@atoll/testkit/python-packages";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rest, TestStack } from "./index.ts";

// A property-based tester reads the OpenAPI document and sends what it allows, and what it does not, to every operation.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(31_750, { zones: [] });
  for (const document of atoll.documents("meshes")) await atoll.apply(document);
}, 120_000);

afterAll(() => atoll?.close(), 60_000);

/** At most: the tester stops by itself, whatever is left. */
const budgetSeconds = 30;
/** Whatever else is answered: no failure of ours, in the media type and form that the document promises. */
const checks = "not_a_server_error,content_type_conformance,response_schema_conformance";

test(
  "no operation of the document fails, whatever is sent to it, and none answers in another form than it says",
  async () => {
    const env = pythonPackages("python-schemathesis", "schemathesis", ["schemathesis==4.32.5"]);
    const options = ["--max-examples", "1", "--max-time", String(budgetSeconds), "--phases", "fuzzing", "--checks", checks];
    const more = ["--mode", "all", "--workers", "2", "--seed", "1", "--no-color"];
    // It keeps what it found where it runs.
    using folder = scratchFolder();
    const tester = spawn(
      "python3",
      ["-m", "schemathesis.cli", "run", `${atoll.stack.url}/openapi.json`, "--url", atoll.stack.url, ...options, ...more],
      {
        env: { ...process.env, ...env },
        cwd: folder.path,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let output = "";
    for (const stream of [tester.stdout, tester.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const [status] = (await once(tester, "close")) as [number];
    expect(status, output).toBe(0);
    // One that could not read the document would be content with nothing.
    const sent = Number(/(\d+) generated/.exec(output)?.[1]);
    expect(sent, output).toBeGreaterThan(100);
    expect(atoll.stack.global.output()).not.toMatch(/"level":(50|60)/);
    expect((await rest(`${atoll.stack.url}/`)).status).toBe(200);
  },
  (budgetSeconds + 120) * 1_000,
);
