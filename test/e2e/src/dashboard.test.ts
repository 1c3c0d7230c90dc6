import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ensureCommand } from "@atoll/testkit/ensure-command";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connection, mesh, MeshBed, openMesh } from "./mesh-bed.ts";

// The page that people leave open, in a real browser, on a control plane with real Envoys. The tests build on each other.
let bed: MeshBed;
let browser: Browser;
let page: Page;
const faults: string[] = [];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

beforeAll(async () => {
  ensureCommand("chromium", ["--version"], "chromium", "there is no chromium, in which the dashboard is tested");
  bed = await MeshBed.start(32_500);
  for (const document of [mesh("default"), ...openMesh()]) await bed.atoll.apply(document);
  await Promise.all([
    bed.zoneProxy("ZoneIngress", "ingress-1", "west"),
    bed.service("web", "web-1", { zone: "west" }),
    bed.service("caller", "caller-1", { outbound: { 20: "web" } }),
  ]);
  await bed.answers(20, 200);
  browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox"] });
  page = await browser.newPage({ bypassCSP: true });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && faults.push(`${message.text()} ${message.location().url}`));
}, 120_000);

afterAll(async () => {
  await browser?.close();
  expect(await bed?.close()).toEqual([]);
}, 60_000);

const chromiumPath = (): string => execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const open = (path: string) => page.goto(`${bed.atoll.stack.url}/gui/#/${path}`);

describe.each([
  ["", "Overview", "No zone has ever|connected"],
  ["changes", "Changes", "TrafficPermission/default/allow-all"],
  ["proxies", "Proxies", "caller-1"],
  ["topology", "Topology", "^internal, online$"],
  ["policies", "Policies", "allow-all"],
  ["tokens", "Tokens", "^(web|caller)-1$|^any |^(east|west)$"],
  ["editor", "Editor", "kuma.io/service"],
])("page %j", (path, title, shown) => {
  test("shows what it is for", async () => {
    await open(path);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.getByText(new RegExp(shown)).first().waitFor();
  });

  test.each(["light", "dark"] as const)("axe finds nothing serious (%s)", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const { violations } = (await page.evaluate("axe.run()")) as {
      violations: { impact: string; id: string; nodes: { html: string }[] }[];
    };
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

  test("fits a phone", async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 900 });
  });
});

test("a write shows up by itself, and its page says what it did and whom it reached", async () => {
  await open("");
  await page.getByText("live").waitFor();
  const revision = await bed.atoll.apply(connection("Timeout", "seen-live", { to: "web", conf: { connectTimeout: "7s" } }));
  await page.getByText("put Timeout/default/seen-live").first().waitFor();
  await page.getByRole("link", { name: String(revision), exact: true }).click();
  await page.getByRole("heading", { name: `Revision ${revision}` }).waitFor();
  await page.getByText("acknowledged by every live Envoy of every zone").waitFor();
  await page.getByText("+ connectTimeout").or(page.getByText("connectTimeout: 7s")).first().waitFor();
  await page.getByRole("button", { name: "Compare all proxies before and after" }).click();
  await page.getByText("1 proxy: east/default/caller-1").waitFor();
});

test("a proxy is drawn from listener to endpoint, each part with what it comes from", async () => {
  await open("proxies");
  await page.getByRole("link", { name: "caller-1" }).click();
  await page.getByText("Envoy acknowledged").waitFor();
  await page.locator("svg .node.endpoint").first().waitFor();
  await page.getByText("Timeout seen-live").first().waitFor();
});

test("the editor checks and shows the effect before anything is applied", async () => {
  await open("editor");
  const editor = page.getByRole("textbox", { name: "Documents in YAML" });
  const write = async (text: string) => {
    await editor.click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText(text);
  };
  const check = page.getByRole("button", { name: "Check and show what it would do" });
  const apply = page.getByRole("button", { name: "Apply" });
  await write(JSON.stringify({ ...connection("Timeout", "edited", { conf: { connectTimeout: "1s" } }), destinations: [] }));
  await check.click();
  await page.getByRole("alert").getByText("destinations").waitFor();
  expect(await apply.isDisabled()).toBe(true);
  await write(JSON.stringify(connection("Timeout", "seen-live", { to: "web", conf: { connectTimeout: "8s" } })));
  await check.click();
  await page.getByText("1 proxy: east/default/caller-1").waitFor();
  expect((await bed.atoll.call("/meshes/default/timeouts/seen-live")).text).toContain("7s");
  await apply.click();
  await page.getByRole("heading", { name: /^Revision \d+$/ }).waitFor();
  expect((await bed.atoll.call("/meshes/default/timeouts/seen-live")).text).toContain("8s");
});

test("a roll-out under way and a pinned zone are on the overview, and can be decided about there", async () => {
  const body = { name: "slower", resources: [connection("Timeout", "slower", { to: "web", conf: { connectTimeout: "9s" } })] };
  const stages = [
    { zones: ["east"], gate: { minTime: "10m" } },
    { zones: ["west"], gate: { minTime: "10m" } },
  ];
  const post = (path: string, what: object) =>
    bed.atoll.call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(what) });
  await open("");
  await page.getByRole("status").getByText("live").waitFor();
  expect((await post("/rollouts", { ...body, stages })).status).toBe(201);
  await page.getByText("stage 1 of 2").waitFor();
  await page.getByText("Waits for its time").waitFor();
  expect((await post("/zones/west/pin", { reason: "the fair" })).status).toBe(200);
  await page.getByRole("region", { name: "Pinned zones" }).getByText("the fair").waitFor();
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run()")) as { violations: { impact: string; id: string }[] };
  expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id }) => id)).toEqual([]);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("stage 2 of 2").waitFor();
  await page.getByRole("link", { name: /^revision \d+$/ }).click();
  await page.getByRole("heading", { level: 2, name: "Roll-out" }).waitFor();
  await page.getByRole("button", { name: "Abort" }).click();
  await page.getByText("aborted").first().waitFor();
  expect((await bed.atoll.call("/meshes/default/timeouts/slower")).status).toBe(404);
  expect((await post("/zones/west/release", {})).status).toBe(200);
});

test("who is not signed in is told so, and writes nothing", async () => {
  const stranger = await browser.newPage({ extraHTTPHeaders: { "x-forwarded-for": "192.0.2.1" } });
  await stranger.goto(`${bed.atoll.stack.url}/gui/#/editor`);
  await stranger.getByRole("button", { name: "anonymous" }).waitFor();
  await stranger.close();
});

test("nothing went wrong on the way", () => expect(faults.filter((fault) => !fault.includes("400"))).toEqual([]));
