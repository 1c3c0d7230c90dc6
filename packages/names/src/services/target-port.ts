import type { DataplaneInbound, MeshServicePort } from "@atoll/resource";

/** Whether an inbound is what a port of a MeshService leads to. Without a target port, it is the port itself. */
export const isTargetOf = ({ port, targetPort }: MeshServicePort, inbound: Pick<DataplaneInbound, "name" | "port">): boolean =>
  typeof targetPort === "string" ? inbound.name === targetPort : inbound.port === (targetPort || port);
