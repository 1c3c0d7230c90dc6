import type { ChangeEvent, ResourceReader } from "@atoll/replica";
import type { Home } from "@atoll/kubernetes";

/** A log as this process has it folded. */
export interface Watched extends ResourceReader {
  watch(listener: (event: ChangeEvent) => void): () => void;
}

/** The logs that objects are carried into. On global there is no zone's own. */
export type Stored = Readonly<Record<Home, Watched | undefined>>;
