import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pythonPackages } from "@atoll/testkit/python-packages";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rest, TestStack } from "./index.ts";

// The OpenAPI document as others use it: a property-based tester sends what it allows, and what it does not, to every operation; a client
// is generated from it and called.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(31_750, { zones: [] });
  for (const document of atoll.documents("meshes")) await atoll.apply(document);
}, 120_000);

afterAll(() => atoll?.close(), 60_000);

/** What a run of python3 wrote; it has to end well. */
async function python(args: readonly string[], env: Record<string, string>, cwd: string): Promise<string> {
  const run = spawn("python3", args, { env: { ...process.env, ...env }, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [run.stdout, run.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [status] = (await once(run, "close")) as [number];
  expect(status, output).toBe(0);
  return output;
}

// Before the tester, which may delete the mesh.
test("a client that is generated from the document writes, reads, waits, compares, restores and deletes", async () => {
  const env = pythonPackages("python-openapi-client", "openapi_python_client", ["openapi-python-client==0.29.1"]);
  using folder = scratchFolder();
  const document = ["--url", `${atoll.stack.url}/openapi.json`, "--meta", "none", "--output-path", "client"];
  const said = await python(["-m", "openapi_python_client", "generate", ...document], env, folder.path);
  // It leaves out what it cannot read, and says so.
  expect(said).not.toMatch(/unable|unsupported|cannot parse/i);
  const script = fileURLToPath(new URL("generated-client.py", import.meta.url));
  expect(JSON.parse(await python([script, atoll.stack.url], env, folder.path))).toEqual({
    created: 201,
    again: [409, "Conflict"],
    updated: 200,
    refused: { field: "conf", reason: "has to be defined" },
    item: { connectTimeout: "7s" },
    listed: ["generated"],
    applied: true,
    history: 200,
    diff: 200,
    "rolled back": 200,
    "item then": { connectTimeout: "5s" },
    deleted: 200,
    gone: 404,
  });
}, 150_000);

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
    const target = [`${atoll.stack.url}/openapi.json`, "--url", atoll.stack.url];
    const output = await python(["-m", "schemathesis.cli", "run", ...target, ...options, ...more], env, folder.path);
    // One that could not read the document would be content with nothing.
    const sent = Number(/(\d+) generated/.exec(output)?.[1]);
    expect(sent, output).toBeGreaterThan(100);
    expect(atoll.stack.global.output()).not.toMatch(/"level":(50|60)/);
    expect((await rest(`${atoll.stack.url}/`)).status).toBe(200);
  },
  (budgetSeconds + 120) * 1_000,
);
