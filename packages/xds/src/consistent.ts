import { typeUrls } from "@atoll/envoy-api";
import { references } from "./references.ts";
import type { Snapshot } from "./snapshot.ts";

export type Consistency =
  | { readonly ok: true }
  | { readonly ok: false; readonly typeUrl: string; readonly name: string; readonly reason: string };

const checked: Readonly<Record<string, string>> = { [typeUrls.endpoint]: "endpoints", [typeUrls.route]: "route configuration" };

/**
 * Whether all endpoints and routes that the snapshot's clusters and listeners ask for over ADS are in it. Envoy would wait for a
 * missing one, and hold back the cluster or the listener meanwhile.
 */
export function consistent(snapshot: Snapshot): Consistency {
  for (const typeUrl of [typeUrls.cluster, typeUrls.listener]) {
    for (const resource of snapshot.resources.get(typeUrl)?.values() ?? []) {
      for (const reference of references(resource)) {
        const what = checked[reference.typeUrl];
        if (what === undefined || snapshot.resources.get(reference.typeUrl)?.has(reference.name)) continue;
        const who = typeUrl === typeUrls.cluster ? "cluster" : "listener";
        return {
          ok: false,
          typeUrl,
          name: resource.name,
          reason: `${who} "${resource.name}" refers to ${what} "${reference.name}", which the snapshot does not have`,
        };
      }
    }
  }
  return { ok: true };
}
