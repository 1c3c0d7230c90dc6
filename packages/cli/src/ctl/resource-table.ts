import type { DataplaneSpec, ExternalServiceSpec, Kind, MeshSpec } from "@atoll/resource";
import { age, renderTable, renderTags } from "./table.ts";

/** A resource as the control plane shows it. */
export interface Item {
  type: string;
  mesh?: string;
  name: string;
  creationTime?: string;
  modificationTime?: string;
  [field: string]: unknown;
}

type Row = (item: Item) => string[];

/** What `get` shows of the resources of a kind. The age is that of the last change. */
export function resourceTable(kind: Kind, items: readonly Item[], now: Date): string {
  const { headers, row } = columnsOf(kind);
  return renderTable(
    [...headers, "AGE"],
    items.map((item) => [...row(item), age(item.modificationTime, now)]),
  );
}

const names: Row = ({ mesh = "", name }) => [mesh, name];

function columnsOf(kind: Kind): { headers: string[]; row: Row } {
  if (kind.type === "Mesh") return { headers: ["NAME", "mTLS", "LOCALITY", "ZONEEGRESS"], row: meshRow };
  if (kind.type === "Dataplane") return { headers: ["MESH", "NAME", "TAGS", "ADDRESS"], row: dataplaneRow };
  if (kind.type === "ExternalService") {
    const row: Row = (item) => {
      const { tags, networking } = item as unknown as ExternalServiceSpec;
      return [...names(item), renderTags([tags]), networking.address];
    };
    return { headers: ["MESH", "NAME", "TAGS", "ADDRESS"], row };
  }
  return kind.scope === "mesh" ? { headers: ["MESH", "NAME"], row: names } : { headers: ["NAME"], row: ({ name }) => [name] };
}

const dataplaneRow: Row = (item) => {
  const { networking } = item as unknown as DataplaneSpec;
  return [...names(item), renderTags(dataplaneTags(networking)), networking.advertisedAddress ?? networking.address];
};

export const dataplaneTags = ({ inbound = [], gateway }: DataplaneSpec["networking"]): Record<string, string>[] => [
  ...(gateway ? [gateway.tags] : []),
  ...inbound.filter(({ state }) => state !== "Ignored").map(({ tags }) => tags),
];

const meshRow: Row = (item) => {
  const { mtls, routing } = item as unknown as MeshSpec;
  const backend = mtls?.backends?.find(({ name }) => name === mtls.enabledBackend);
  const onOff = (on: boolean | undefined) => (on ? "on" : "off");
  const shown = backend === undefined ? "off" : `${backend.type}/${backend.name}`;
  return [item.name, shown, onOff(routing?.localityAwareLoadBalancing), onOff(routing?.zoneEgress)];
};
