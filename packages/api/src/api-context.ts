import { Catalog } from "./catalog.ts";
import { ConfigWriter } from "./config-writer.ts";
import type { ApiOptions } from "./ports.ts";

/** What every group of routes works with. */
export interface ApiContext {
  options: ApiOptions;
  catalog: Catalog;
  writer: ConfigWriter;
}

export const createContext = (options: ApiOptions): ApiContext => ({
  options,
  catalog: new Catalog(options),
  writer: new ConfigWriter(options),
});

export const revisionHeader = (revision: number) => ({ "atoll-revision": String(revision) });
