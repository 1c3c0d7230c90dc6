/** Why a write is refused; shown as it is by command lines, hence the newline. */
export function readOnlyText(mode: "global" | "zone"): string {
  return mode === "global"
    ? "On global control plane you can not modify dataplane resources with 'kumactl apply' or via the HTTP API. You can still use 'kumactl' or the HTTP API to modify them on the zone control plane.\n"
    : "On zone control plane you can only modify zone resources with 'kumactl apply' or via the HTTP API. You can still use 'kumactl' or the HTTP API to modify the rest of the resource on the global control plane.\n";
}
