import { useState } from "preact/hooks";
import { useData } from "../data.ts";
import { MeshChoice, useMesh } from "../parts/mesh-choice.tsx";
import { Lines } from "../parts/lines.tsx";
import { Shown, Table } from "../parts/shown.tsx";
import { go, linkTo } from "../route.ts";

interface Policies {
  policies: { name: string; path: string; pluralDisplayName: string }[];
}

interface Insight {
  policies?: Record<string, { total?: number }>;
}

/** The policies of a mesh, and whom each reaches. */
export function PoliciesPage() {
  const mesh = useMesh();
  const kinds = useData<Policies>("/policies", "never");
  const insight = useData<Insight>(mesh && `/mesh-insights/${encodeURIComponent(mesh)}`);
  return (
    <>
      <h1>Policies</h1>
      <p class="actions">
        <MeshChoice all={false} />
      </p>
      <Shown data={kinds}>
        {({ policies }) => {
          const counted = (name: string) => insight.value?.policies?.[name]?.total ?? 0;
          const there = policies.filter(({ name }) => counted(name) > 0);
          if (mesh === undefined || there.length === 0) return <p class="quiet">There are none.</p>;
          return there.map(({ name, path, pluralDisplayName }) => (
            <Kind key={name} title={pluralDisplayName} path={`/meshes/${encodeURIComponent(mesh)}/${path}`} count={counted(name)} />
          ));
        }}
      </Shown>
    </>
  );
}

function Kind({ title, path, count }: { title: string; path: string; count: number }) {
  const [open, setOpen] = useState(count <= 5);
  const list = useData<{ items: { name: string; modificationTime: string }[] }>(open ? `${path}?size=1000` : undefined);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {title} <span class="quiet">{count}</span>
      </summary>
      {open && (
        <Shown data={list}>
          {({ items }) => (
            <Table
              name={title}
              columns={["Name", "Reaches", "Document"]}
              empty="There are none."
              rows={items.map(({ name }) => [
                name,
                <Reach path={`${path}/${encodeURIComponent(name)}`} />,
                <Document path={`${path}/${encodeURIComponent(name)}`} />,
              ])}
            />
          )}
        </Shown>
      )}
    </details>
  );
}

const mostNamed = 6;

function Reach({ path }: { path: string }) {
  const reach = useData<{ total: number; items: { name: string; mesh?: string; labels?: Record<string, string> }[] }>(
    `${path}/_resources/dataplanes?size=${mostNamed}`,
    "observed",
  );
  return (
    <Shown data={reach}>
      {({ total, items }) =>
        total === 0 ? (
          <span class="warning">nobody</span>
        ) : (
          <>
            {items.map(({ name, mesh, labels }, index) => (
              <span key={name}>
                {index > 0 && ", "}
                <a href={linkTo("proxies", "dataplanes", mesh ?? "-", name)}>{labels?.["kuma.io/display-name"] ?? name}</a>
              </span>
            ))}
            {total > items.length && ` and ${total - items.length} more`}
          </>
        )
      }
    </Shown>
  );
}

function Document({ path }: { path: string }) {
  const [open, setOpen] = useState(false);
  const document = useData<{ type: string; mesh: string; name: string }>(open ? path : undefined);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>show</summary>
      {document.value && (
        <>
          <Lines before={document.value} after={document.value} />
          <button type="button" class="plain" onClick={() => go(`#/editor?path=${encodeURIComponent(path)}`)}>
            Edit
          </button>
        </>
      )}
    </details>
  );
}
