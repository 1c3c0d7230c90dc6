import { useState } from "preact/hooks";
import { type Data, useData } from "../data.ts";
import { chosenMesh, MeshChoice } from "../parts/mesh-choice.tsx";
import { Badge, Section, Shown, Table } from "../parts/shown.tsx";
import { linkTo } from "../route.ts";

interface Insight {
  subscriptions?: { connectTime?: string; disconnectTime?: string; version?: { envoy?: { version?: string } } }[];
}
type Tags = Record<string, string>;

interface Overviews {
  total: number;
  next: string | null;
  items: {
    mesh?: string;
    name: string;
    labels?: Tags;
    dataplane?: { networking?: { gateway?: { type?: string; tags: Tags }; inbound?: { tags: Tags; health?: { ready?: boolean } }[] } };
    zoneIngress?: { zone?: string };
    zoneEgress?: { zone?: string };
    dataplaneInsight?: Insight;
    zoneIngressInsight?: Insight;
    zoneEgressInsight?: Insight;
  }[];
}

const pageSize = 100;

export function ProxiesPage() {
  const [name, setName] = useState("");
  const [offset, setOffset] = useState(0);
  const mesh = chosenMesh();
  const query = `?size=${pageSize}&offset=${offset}${name === "" ? "" : `&name=${encodeURIComponent(name)}`}`;
  const dataplanes = useData<Overviews>(
    `${mesh === "" ? "" : `/meshes/${encodeURIComponent(mesh)}`}/dataplanes/_overview${query}`,
    "observed",
  );
  const ingresses = useData<Overviews>("/zone-ingresses/_overview?size=1000", "observed");
  const egresses = useData<Overviews>("/zoneegresses/_overview?size=1000", "observed");
  return (
    <>
      <h1>Proxies</h1>
      <p class="actions">
        <MeshChoice all />
        <label>
          Name{" "}
          <input
            type="search"
            value={name}
            onInput={(event) => {
              setName(event.currentTarget.value);
              setOffset(0);
            }}
          />
        </label>
        <button type="button" disabled={offset === 0} onClick={() => setOffset(Math.max(0, offset - pageSize))}>
          Back
        </button>
        <button type="button" disabled={!dataplanes.value?.next} onClick={() => setOffset(offset + pageSize)}>
          On
        </button>
        {dataplanes.value && <span class="quiet">{dataplanes.value.total} in all</span>}
      </p>
      <List title="Sidecars and gateways" kind="dataplanes" data={dataplanes} empty="There are none." />
      <List title="Zone ingresses" kind="zoneingresses" data={ingresses} empty="There are none." />
      <List title="Zone egresses" kind="zoneegresses" data={egresses} empty="There are none." />
    </>
  );
}

function List({ title, kind, data, empty }: { title: string; kind: string; data: Data<Overviews>; empty: string }) {
  return (
    <Section title={title}>
      <Shown data={data}>
        {({ items }) => (
          <Table
            name={title}
            columns={["Name", "Mesh", "Zone", "Service", "State", "Envoy"]}
            empty={empty}
            rows={items.map((item) => {
              const { networking } = item.dataplane ?? {};
              const insight = item.dataplaneInsight ?? item.zoneIngressInsight ?? item.zoneEgressInsight;
              const newest = insight?.subscriptions?.at(-1);
              const online = (insight?.subscriptions ?? []).some(
                (one) => one.connectTime !== undefined && one.disconnectTime === undefined,
              );
              const inbound = networking?.inbound ?? [];
              const ready = inbound.filter(({ health }) => health?.ready !== false).length;
              const services = networking?.gateway ? [networking.gateway.tags] : inbound.map(({ tags }) => tags);
              const zone =
                item.labels?.["kuma.io/zone"] ?? item.zoneIngress?.zone ?? item.zoneEgress?.zone ?? services[0]?.["kuma.io/zone"] ?? "";
              return [
                <a href={linkTo("proxies", kind, item.mesh ?? "-", item.name)}>{item.labels?.["kuma.io/display-name"] ?? item.name}</a>,
                item.mesh ?? "",
                zone,
                `${[...new Set(services.map((tags) => tags["kuma.io/service"] ?? ""))].join(", ")}${networking?.gateway ? ` (${(networking.gateway.type ?? "").toLowerCase()} gateway)` : ""}`,
                <Badge good={online && ready === inbound.length}>
                  {!online ? "offline" : ready === inbound.length ? "online" : `${ready} of ${inbound.length} ready`}
                </Badge>,
                newest?.version?.envoy?.version ?? "",
              ];
            })}
          />
        )}
      </Shown>
    </Section>
  );
}
