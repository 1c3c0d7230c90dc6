import type { Call } from "./call.ts";
import { ApiError } from "./problem.ts";

const defaultSize = 100;
const largestSize = 1000;
const usualTitle = "Could not retrieve resources";

export interface Page {
  /** Of the refusal when `offset` is no number. */
  title: string;
  size: number;
  offset: string;
}

const integer = /^[+-]?\d+$/;

const invalidSize = (title: string, reason: string) =>
  new ApiError({ status: 400, title, detail: "Invalid page size", violations: [{ field: "size", reason }] });

/**
 * `title` is that of a refusal. A size of 0 or below, which older clients take for all, is the largest there is: no answer is without
 * bound, and `next` leads on.
 */
export function readPage(query: URLSearchParams, title: string = usualTitle): Page {
  const size = query.get("size") ?? "";
  if (size !== "" && !integer.test(size)) throw invalidSize(title, "invalid format");
  if (Number(size) > largestSize) throw invalidSize(title, `invalid page size of ${Number(size)}. Maximum page size is ${largestSize}`);
  return { title, size: sizeOf(size), offset: query.get("offset") ?? "" };
}

function sizeOf(text: string): number {
  if (text === "") return defaultSize;
  return Number(text) <= 0 ? largestSize : Number(text);
}

/** The list envelope. `total` counts what the filters left. */
export function pageOf<Item>(call: Call, page: Page, items: readonly Item[], render: (item: Item) => unknown): object {
  if (page.offset !== "" && !integer.test(page.offset)) {
    throw new ApiError({
      status: 400,
      title: page.title,
      detail: "Invalid offset",
      violations: [{ field: "offset", reason: "Invalid format" }],
    });
  }
  const offset = Math.max(0, Number(page.offset));
  const end = offset + page.size;
  return {
    total: items.length,
    items: items.slice(offset, end).map(render),
    next: end < items.length ? nextLink(call, end) : null,
  };
}

function nextLink(call: Call, offset: number): string {
  const query = new Map([...call.query.keys()].map((key) => [key, call.query.getAll(key)]));
  query.set("offset", [String(offset)]);
  const encoded = [...query]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, values]) => values.map((value) => `${encodeQuery(key)}=${encodeQuery(value)}`));
  return `${call.origin}${call.path}?${encoded.join("&")}`;
}

const encodeQuery = (value: string) =>
  encodeURIComponent(value)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
