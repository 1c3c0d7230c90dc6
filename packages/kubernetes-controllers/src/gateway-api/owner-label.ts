import type { KubernetesObject, ObjectKey, ObjectKind } from "@atoll/kubernetes";
import type { OwnedKind } from "../controller.ts";

const ownerLabel = "gateways.kuma.io/gateway.networking.k8s.io-owner";
/** As many characters of the owner's name are in the label: its value has 63 at most, of which 9 are the hash. */
const longestOwner = 54;

/** Marks what is made for an object that lives in another namespace, or in one at all, as owner references cannot. Kuma's label has the same value. */
export const ownerLabels = (owner: ObjectKey): Record<string, string> => ({ [ownerLabel]: ownerValue(owner) });

/** A name of an owner that does not fit into the label is here whole. */
export function ownerAnnotations(owner: ObjectKey): { annotations?: Record<string, string> } {
  const text = ownerText(owner);
  return text.length > longestOwner ? { annotations: { [ownerLabel]: text } } : {};
}

/** Objects of a kind that carry the label of their owner. */
export const ownedByLabel = (kind: ObjectKind): OwnedKind => ({ kind, ownerOf: labelledOwner });

function labelledOwner({ metadata }: KubernetesObject): ObjectKey | undefined {
  const value = metadata.labels?.[ownerLabel];
  if (value === undefined) return undefined;
  const [namespace, name] = (metadata.annotations?.[ownerLabel] ?? value.slice(0, value.lastIndexOf("-"))).split("_");
  const owner = { namespace: namespace ?? "", name: name ?? "" };
  return ownerValue(owner) === value ? owner : undefined;
}

const ownerText = ({ namespace = "", name }: ObjectKey): string => `${namespace}_${name}`;

const ownerValue = (owner: ObjectKey): string =>
  `${ownerText(owner).slice(0, longestOwner)}-${fnv1Hex((owner.namespace ?? "") + owner.name)}`;

/** FNV-1, 32 bits, as 8 hexadecimal digits: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1Hex(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash, 0x01000193) ^ byte;
  return (hash >>> 0).toString(16).padStart(8, "0");
}
