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
    resources.get(typeUrl)!.delete(name);
    const element = { id: `dangling:${name}`, parent: undefined, kind: "resource" as const, name, part };
    withheld.push({ typeUrl, resource: name, element, reason });
  }
  return withheld;
}
