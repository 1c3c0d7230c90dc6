import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createPlane } from "./fake-plane.ts";

const folder = mkdtempSync(join(tmpdir(), "atoll-gui-"));
mkdirSync(join(folder, "assets"));
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Atoll</title>");
writeFileSync(join(folder, "assets", "index-1.js"), "0;");
afterAll(() => rmSync(folder, { recursive: true }));

test.each(["/", "/base"])("the page is served below %s to everybody, and the API says where", async (basePath) => {
  const { request } = createPlane({ settings: { gui: { folder }, basePath } });
  const at = basePath === "/" ? "" : basePath;
  const elsewhere = { remoteAddress: "192.0.2.1", headers: { accept: "text/html,*/*;q=0.8", authorization: "Bearer nonsense" } };
  const page = await request(`GET ${at}/gui/`, undefined, elsewhere);
  expect([page.status, page.headers["content-type"], page.text]).toEqual([
    200,
    "text/html; charset=utf-8",
    expect.stringContaining("Atoll"),
  ]);
  expect(page.headers).toMatchObject({
    "cache-control": "no-cache",
    "content-security-policy": expect.stringContaining("frame-ancestors 'none'"),
  });
  const bare = await request(`GET ${at}/gui`, undefined, elsewhere);
  expect([bare.status, bare.headers["location"] ?? ""]).toEqual([302, `${at}/gui/`]);
  const asset = await request(`GET ${at}/gui/assets/index-1.js`, undefined, elsewhere);
  expect(asset).toMatchObject({ status: 200, headers: { "cache-control": "public, max-age=31536000, immutable" } });
  expect((await request(`GET ${at}/gui/nothing.js`, undefined, elsewhere)).status).toBe(404);
  expect((await request(`GET ${at}/gui/..%2f..%2fetc/passwd`, undefined, elsewhere)).status).toBe(404);
  expect((await request(`GET ${at}/`)).body.gui).toBe(`${at}/gui`);
});

test("without a page there is none", async () => {
  const { request } = createPlane();
  expect((await request("GET /gui/")).status).toBe(404);
  expect((await request("GET /")).body.gui).toBe("");
});
