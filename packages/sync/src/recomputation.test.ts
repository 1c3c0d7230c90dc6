import { expect, test } from "vitest";
import { Recomputation } from "./recomputation.ts";

test("whoever asks goes on first, and what is asked in one turn is computed once", async () => {
  const order: string[] = [];
  const recomputation = new Recomputation(
    async () => void order.push("computed"),
    new AbortController().signal,
    () => {},
  );
  recomputation.request();
  recomputation.request();
  await Promise.resolve().then(() => order.push("answered"));
  await recomputation.settled();
  expect(order).toEqual(["answered", "computed"]);
  recomputation.request();
  await recomputation.settled();
  expect(order).toEqual(["answered", "computed", "computed"]);
});

test("computes no more once it is ended", async () => {
  const stop = new AbortController();
  let computed = 0;
  const recomputation = new Recomputation(
    async () => void computed++,
    stop.signal,
    () => {},
  );
  recomputation.request();
  stop.abort();
  await recomputation.settled();
  expect(computed).toBe(0);
});
