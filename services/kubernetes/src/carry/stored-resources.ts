import type { WatchedReader } from "@atoll/replica";
import type { Home } from "@atoll/kubernetes";

/** The logs that objects are carried into. On global there is no zone's own. */
export type Stored = Readonly<Record<Home, WatchedReader | undefined>>;
