import { equalJson, type ResourceDraft } from "@atoll/resource";

/** Same spec and labels: consumers of the resource need not hear of the write. Times and revisions do not count. */
export function equalValue(a: ResourceDraft, b: ResourceDraft): boolean {
  return equalJson(a.spec, b.spec) && equalJson(a.labels ?? {}, b.labels ?? {});
}
