import { useData } from "../data.ts";
import { route } from "../route.ts";

/** The mesh of the page, kept in its address. */
export const chosenMesh = (): string => route.value.query.get("mesh") ?? "";

export function MeshChoice({ all }: { all: boolean }) {
  const meshes = useData<{ items: { name: string }[] }>("/meshes?size=1000").value?.items ?? [];
  const mesh = useMesh();
  const choose = (mesh: string) => {
    location.hash = `${location.hash.split("?")[0]}${mesh === "" ? "" : `?mesh=${encodeURIComponent(mesh)}`}`;
  };
  return (
    <label>
      Mesh{" "}
      <select value={all ? chosenMesh() : mesh} onChange={(event) => choose(event.currentTarget.value)}>
        {all && <option value="">all</option>}
        {meshes.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The chosen mesh, or the first there is. */
export function useMesh(): string | undefined {
  const first = useData<{ items: { name: string }[] }>("/meshes?size=1").value?.items[0]?.name;
  return chosenMesh() || first;
}
