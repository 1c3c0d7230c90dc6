import { useState } from "preact/hooks";

/** One thing at a time that the control plane is asked to do, and what it said if it would not. */
export function useSending(): {
  busy: boolean;
  error: string | undefined;
  fail(error: Error): void;
  send(action: () => Promise<void>): Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const fail = ({ message }: Error) => setError(message);
  /** Whether it was done. */
  const send = async (action: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setError(undefined);
    try {
      await action();
      return true;
    } catch (problem) {
      fail(problem as Error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, fail, send };
}
