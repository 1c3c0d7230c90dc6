import { kinds, label } from "@atoll/resource";
import type { DataplaneSpec, Resource } from "@atoll/resource";
import { resourceIdOf, resourceIdText } from "../target/resource-id.ts";
import { topOf } from "../target/target-ref.ts";
import type { TargetedPolicy } from "../target/target-ref.ts";
import { anyPlace, ownPlace } from "./places.ts";
import type { PolicyMesh } from "./policy-mesh.ts";

const targetedTypes = kinds.filter(({ plugin, policy }) => plugin && policy).map(({ type }) => type);
const logTypes = ["TrafficLog", "MeshAccessLog"];
/** By which policies know what a proxy has to do with them, whatever they ask for. */
const alwaysAsked: readonly string[] = [label.origin, label.zone, label.kubernetesNamespace];

/**
 * A Dataplane as far as what it calls is concerned: the same for all of which no policy of the mesh can say different things on that side. So
 * it has no name unless a policy means it by its name, no labels but those that policies ask for, no addresses, and nothing of what
 * its inbounds are like at present. Where connections are logged it is the Dataplane itself: logs name it.
 */
export function standInFor(mesh: PolicyMesh, dataplane: Resource<DataplaneSpec>): Resource<DataplaneSpec> {
  const types = mesh.remember("targeted-types", () => targetedTypes.filter((type) => mesh.has(type)));
  if (logTypes.some((type) => mesh.has(type))) return dataplane;
  const own = [ownPlace(resourceIdText(resourceIdOf(dataplane)))];
  if (types.some((type) => mesh.placed(type, own).length > 0)) return dataplane;
  const asked = mesh.remember(`targeted-labels/${types.join("/")}`, () => [...alwaysAsked, ...askedLabels(mesh, types)]);
  const { type, mesh: meshName, labels, spec } = dataplane;
  const { gateway, inbound } = spec.networking;
  return {
    ...{ type, mesh: meshName, name: "", creationTime: "", modificationTime: "", revision: 0 },
    labels: Object.fromEntries(asked.flatMap((key) => (labels?.[key] === undefined ? [] : [[key, labels[key]]]))),
    spec: {
      networking: {
        address: "0.0.0.0",
        ...(gateway && { gateway }),
        ...(inbound && { inbound: inbound.map(withoutAddress) }),
      },
    },
  };
}

const withoutAddress = ({ name, port, tags, state }: NonNullable<DataplaneSpec["networking"]["inbound"]>[number]) => ({
  ...(name && { name }),
  ...{ port, tags },
  // Whether it is ready plays no part here.
  ...(state === "Ignored" && { state }),
});

/** Labels by which policies select Dataplanes. */
function askedLabels(mesh: PolicyMesh, types: readonly string[]): string[] {
  const anywhere = types.flatMap((type) => mesh.placed(type, [anyPlace]) as readonly TargetedPolicy[]);
  return [...new Set(anywhere.flatMap((policy) => Object.keys(topOf(policy).labels ?? {})))]
    .filter((key) => !alwaysAsked.includes(key))
    .sort();
}
