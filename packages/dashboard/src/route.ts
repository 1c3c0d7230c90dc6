import { computed, signal } from "@preact/signals";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

/** The page that is shown, as in `#/changes/42?mesh=default`: it can be linked to, and the control plane need not know of it. */
export const route = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

export const linkTo = (...parts: readonly (string | number)[]): string => `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;

export function go(link: string): void {
  location.hash = link;
}
