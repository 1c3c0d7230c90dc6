/** Runs something once, after so many milliseconds or, where no timer is that long, earlier; answers how to call it off. */
export function runLater(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
  timer.unref();
  return () => clearTimeout(timer);
}
