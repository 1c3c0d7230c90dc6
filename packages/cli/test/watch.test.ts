import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, ctlAt, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const timeout = (name: string) => `type: Timeout
mesh: default
name: ${name}
sources: [{match: {kuma.io/service: a}}]
destinations: [{match: {kuma.io/service: b}}]
conf: {connectTimeout: 1s}
`;

test("changes of the past and to come, in the chosen form", async () => {
  const applied = await plane.ctlWith(timeout("a"), "apply", "-f", "-", "--show-revision");
  const first = Number(applied.out.trim().split(" ").at(-1));
  const watching = plane.ctl("watch", "--after", String(first - 1), "--kind", "Timeout", "--count", "3");
  await plane.ctlWith(timeout("b"), "apply", "-f", "-");
  await plane.ctl("delete", "timeout", "a");
  const { code, out, err } = await watching;
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const [rows, heads] = [out.split("\n").filter((line) => line.startsWith(" ")), out.split("\n").filter((line) => /^\d/.test(line))];
  expect(rows).toEqual(["    put Timeout/default/a", "    put Timeout/default/b", "    delete Timeout/default/a"]);
  expect(heads.map((head) => head.split("  ").filter((_, i) => i !== 1))).toEqual(
    [first, first + 1, first + 2].map((revision) => [String(revision), "mesh-system:admin"]),
  );
  const again = await plane.ctl("watch", "--after", String(first), "--kind", "Timeout", "--count", "1", "-o", "json");
  expect(JSON.parse(again.out)).toMatchObject({ revision: first + 1, changes: [{ op: "put", resource: { name: "b" } }] });
});

test.each([
  [["--after", "soon"], 'Error: invalid argument "soon" for "--after" flag: it is not a whole number\n'],
  [["--kind", "Nonsense"], 'Error: Bad Request (query parameter kind: there is no kind "Nonsense")\n'],
  [["-o", "table"], 'Error: unknown output format "table": lines, json or yaml\n'],
])("%j is refused", async (args, err) => {
  expect(await plane.ctl("watch", ...args)).toEqual({ code: 1, out: "", err });
});

test("a lost connection is taken up where it ended", async () => {
  const asked: (string | undefined)[] = [];
  const event = (revision: number) =>
    `event: change\nid: ${revision}\ndata: {"revision":${revision},"at":"t","author":"jane","changes":[{"op":"put","key":"Mesh//m"}]}\n\n`;
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => void response.write(`retry: 1\n${event(4)}`, () => response.destroy()),
    (response) => response.destroy(),
    (response) => void response.end(`${event(5)}${event(6)}`),
  ];
  const server = createServer((request, response) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    response.setHeader("content-type", "text/event-stream");
    answers.shift()!(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, out, err } = await ctlAt(url, ["watch", "--count", "3"]);
  server.close();
  expect({ code, asked }).toEqual({ code: 0, asked: [undefined, "4", "4"] });
  expect(out.match(/^\d+/gm)).toEqual(["4", "5", "6"]);
  expect(err).toBe("the connection is lost; going on after revision 4\n".repeat(2));
});
