import { sidecarContainer, type ContainerStatus, type Pod } from "@atoll/kubernetes";

/**
 * Whether all work of a pod is done and only its proxy keeps it from ending, as with a Job. A proxy in an init container (a native sidecar) is
 * ended by the kubelet itself.
 */
export function isFinishedJob({ spec, status }: Pod): boolean {
  if ((spec.restartPolicy ?? "Always") === "Always") return false;
  const statuses = status?.containerStatuses ?? [];
  const proxy = statuses.find(({ name }) => name === sidecarContainer);
  if (proxy === undefined || proxy.state?.terminated !== undefined) return false;
  const isDone = ({ state }: ContainerStatus): boolean =>
    state?.terminated !== undefined && (spec.restartPolicy === "Never" || state.terminated.exitCode === 0);
  return statuses.filter((one) => one !== proxy).every(isDone);
}
