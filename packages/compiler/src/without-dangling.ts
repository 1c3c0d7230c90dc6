import { consistent, type EncodedResource } from "@atoll/xds";
import type { Withheld } from "./screened-part.ts";
import type { EncodedResources } from "./view-encoder.ts";

/**
 * Takes out the clusters and listeners that refer to endpoints or routes that are not there, which Envoy would wait for, and says which.
 * Such can only come from a template.
 */
export function withoutDangling(resources: EncodedResources): Withheld[] {
  const withheld: Withheld[] = [];
  for (let verdict = consistent({ revision: 0, resources }); !verdict.ok; verdict = consistent({ revision: 0, resources })) {
    const { typeUrl, name, reason } = verdict;
    const part: EncodedResource = resources.get(typeUrl)!.get(name)!;
    // Not in place: the others may be what another snapshot has, too.
    resources.set(typeUrl, new Map([...resources.get(typeUrl)!].filter(([other]) => other !== name)));
    const element = { id: `dangling:${name}`, parent: undefined, kind: "resource" as const, name, part };
    withheld.push({ typeUrl, resource: name, element, reason });
  }
  return withheld;
}
