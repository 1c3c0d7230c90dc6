import type { Violation } from "./resource.ts";

export type ParsedSpec = { spec: unknown } | { violations: Violation[] } | { parseError: string };

export interface SpecOptions {
  /** Leave out the defaults that are written into what is stored. */
  asWritten?: boolean;
  /** What the label of a policy says whose it is: some may not select everything. */
  role?: string;
}

/** Everything that is known about one kind of resource without looking at any instance. */
export interface Kind {
  readonly type: string;
  readonly scope: "mesh" | "global";
  /** Last segment of the collection's URL; "" for internal kinds, which have none. */
  readonly path: string;
  /** Names on the command line; "" where the kind has none. */
  readonly singular: string;
  readonly plural: string;
  readonly displayName: { readonly singular: string; readonly plural: string };
  /** The spec is nested under `spec` in the universal form instead of merged with the meta fields. */
  readonly plugin: boolean;
  /** The stored spec is `{spec, status}`, and so is its document. */
  readonly hasStatus: boolean;
  /** Clients list it among the policies. */
  readonly policy: boolean;
  readonly adminOnly: boolean;
  /** Written by the control plane only. */
  readonly readOnly: boolean;
  /** Never on REST, has no written form. */
  readonly internal: boolean;
  /** Where clients may write it. `zone` means a zone that is connected to a global. */
  readonly writableOn: { readonly global: boolean; readonly zone: boolean };
  readonly sync: { readonly globalToZone: boolean; readonly zoneToGlobal: boolean; readonly betweenZones: boolean };
  /** What the author of a spec that was read should write differently from now on. */
  readonly deprecations?: (spec: unknown) => string[];
  /** Namespaced in the Kubernetes form. */
  readonly namespaced: boolean;
  /** JSON Schema (2020-12) of a spec as its author writes it; absent where the spec follows protobuf's JSON mapping. */
  readonly specSchema?: () => object;
  /** Reads, normalises and validates a spec. All violations are reported, in the order of the spec's fields. */
  parseSpec(raw: unknown, options?: SpecOptions): ParsedSpec;
}
