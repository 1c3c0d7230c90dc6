import { createBuiltinCa, builtinCaSecretNames, type PemPair } from "@atoll/certificate";
import { ResourceTable } from "@atoll/replica";
import type { Resource, ResourceDraft } from "@atoll/resource";
import { SealingKey, sealSecret } from "@atoll/secret";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { formerAuthorities } from "../src/index.ts";
import { MeshAuthorities } from "../src/mesh-authorities.ts";
import { SecretBytes } from "../src/secret-bytes.ts";

const keyRing = { zone: SealingKey.generate() };
const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const trust = { trustLeadMs: 5 * secondMs, trustOverlapMs: 10 * minuteMs };
const beganMs = Date.UTC(2030, 0, 1);
let cas: PemPair[];

/** A configuration with all that it was, each revision at a time. */
class History {
  readonly #revisions: ResourceTable[] = [new ResourceTable()];

  put(atMs: number, ...drafts: ResourceDraft[]): void {
    const time = new Date(atMs).toISOString();
    const next = new ResourceTable();
    for (const one of this.now.list("Mesh")) next.set(one);
    for (const one of this.now.list("Secret")) next.set(one);
    for (const draft of drafts) {
      const creationTime = this.now.get(draft.type, draft.mesh, draft.name)?.creationTime ?? time;
      next.set({ ...draft, creationTime, modificationTime: time, revision: this.#revisions.length } as Resource);
    }
    this.#revisions.push(next);
  }

  get now(): ResourceTable {
    return this.#revisions.at(-1)!;
  }

  readonly at = async (revision: number): Promise<ResourceTable> => {
    const found = this.#revisions[revision];
    if (found === undefined) throw new Error("the log does not reach back that far");
    return found;
  };
}

let history: History;
const names = builtinCaSecretNames("default", "ca-1");
const secret = (name: string, text: string): ResourceDraft =>
  sealSecret(keyRing, { type: "Secret", mesh: "default", name, spec: { data: Buffer.from(text).toString("base64") } });
const putCa = (atMs: number, ca: PemPair) => history.put(atMs, secret(names.cert, ca.certPem), secret(names.key, ca.keyPem));
const found = async (sinceMs: number) =>
  (await formerAuthorities({ config: history.now, at: history.at, keyRing, sinceMs })).get("default");

beforeAll(async () => {
  cas = await Promise.all([1, 2, 3].map(() => createBuiltinCa({ mesh: "default", nowMs: beganMs })));
});

beforeEach(() => {
  vi.useFakeTimers({ now: beganMs });
  history = new History();
  const mtls = { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] };
  history.put(beganMs, { type: "Mesh", mesh: "", name: "default", spec: { mtls } });
});

afterEach(() => vi.useRealTimers());

test("a CA that was there from the beginning has none before it", async () => {
  putCa(beganMs, cas[0]!);
  expect(await found(beganMs - minuteMs)).toBeUndefined();
});

test("every CA that was replaced lately is found, newest first, also where its two halves were written one after the other", async () => {
  putCa(beganMs, cas[0]!);
  putCa(beganMs + minuteMs, cas[1]!);
  history.put(beganMs + 2 * minuteMs, secret(names.cert, cas[2]!.certPem));
  history.put(beganMs + 3 * minuteMs, secret(names.key, cas[2]!.keyPem));
  const told = await found(beganMs);
  expect(told?.map(({ certPem, replacedAtMs }) => [certPem, replacedAtMs - beganMs])).toEqual([
    [cas[1]!.certPem, 3 * minuteMs],
    [cas[0]!.certPem, minuteMs],
  ]);
  expect((await found(beganMs + 2 * minuteMs))?.length).toBe(1);
  expect(await found(beganMs + 4 * minuteMs)).toBeUndefined();
});

test("an authority that is opened after the replacement goes on where it would be had it been there before", async () => {
  putCa(beganMs, cas[0]!);
  const replacedMs = beganMs + minuteMs;
  putCa(replacedMs, cas[1]!);
  const opened = async (nowMs: number) => {
    vi.setSystemTime(nowMs);
    const former = await formerAuthorities({ config: history.now, at: history.at, keyRing, sinceMs: beganMs });
    const onChange = vi.fn<(mesh: string) => void>();
    const secrets = new SecretBytes(history.now, keyRing);
    return { onChange, all: new MeshAuthorities({ config: history.now, secrets, now: Date.now, former, onChange, ...trust }) };
  };
  const trusted = (pem: string) => cas.map(({ certPem }) => pem.includes(certPem.trim().split("\n")[8]!));

  const early = await opened(replacedMs + 2 * secondMs);
  const [firstId, first] = [early.all.get("default").id, early.all.get("default")];
  expect([trusted(first.trustPem), first.authority.trustPem.trim()]).toEqual([[true, true, false], cas[0]!.certPem.trim()]);
  await vi.advanceTimersByTimeAsync(3 * secondMs);
  expect(early.onChange).toHaveBeenCalledTimes(1);
  const second = early.all.get("default");
  expect([trusted(second.trustPem), second.authority.trustPem.trim()]).toEqual([[true, true, false], cas[1]!.certPem.trim()]);
  expect(second.id).not.toBe(firstId);
  await vi.advanceTimersByTimeAsync(trust.trustOverlapMs);
  expect(trusted(early.all.get("default").trustPem)).toEqual([false, true, false]);

  const later = await opened(replacedMs + 5 * minuteMs);
  expect(later.all.get("default").id).toBe(second.id);
  expect(trusted(later.all.get("default").trustPem)).toEqual([true, true, false]);
  await vi.advanceTimersByTimeAsync(5 * minuteMs + trust.trustLeadMs);
  expect(trusted(later.all.get("default").trustPem)).toEqual([false, true, false]);

  const late = await opened(replacedMs + 11 * minuteMs);
  expect(trusted(late.all.get("default").trustPem)).toEqual([false, true, false]);
  for (const { all } of [early, later, late]) all.close();
});
