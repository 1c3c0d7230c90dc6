import { useEffect, useRef, useState } from "preact/hooks";
import { observed, revision } from "./live.ts";
import { get, token } from "./rest.ts";

export interface Data<T> {
  value: T | undefined;
  error: Error | undefined;
}

/** How close together answers to what is observed may be asked for: proxies report often. */
const observedEveryMs = 1000;

/**
 * An answer of the REST API that is asked for again when the feed tells of something that may change it. `undefined` asks for nothing. What
 * was there stays until the next answer has come.
 */
export function useData<T>(path: string | undefined, wakes: "changes" | "observed" | "never" = "changes"): Data<T> {
  const [data, setData] = useState<Data<T> & { path: string | undefined }>({ path, value: undefined, error: undefined });
  const asked = useRef(0);
  const wake = wakes === "never" ? 0 : revision.value;
  const seen = useThrottled(wakes === "observed" ? observed.value : 0, observedEveryMs);
  useEffect(() => {
    if (path === undefined) return undefined;
    const ended = new AbortController();
    const mine = (asked.current += 1);
    get<T>(path, ended.signal).then(
      (value) => asked.current === mine && setData({ path, value, error: undefined }),
      (error: Error) => !ended.signal.aborted && setData({ path, value: undefined, error }),
    );
    return () => ended.abort();
  }, [path, wake, seen, token.value]);
  return data.path === path ? data : { value: undefined, error: undefined };
}

function useThrottled(value: number, everyMs: number): number {
  const [shown, setShown] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    if (value === shown) return undefined;
    const timer = setTimeout(
      () => {
        last.current = performance.now();
        setShown(value);
      },
      Math.max(0, last.current + everyMs - performance.now()),
    );
    return () => clearTimeout(timer);
  }, [value, shown]);
  return shown;
}
