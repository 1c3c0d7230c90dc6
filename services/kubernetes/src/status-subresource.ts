import { gatewayKinds, group, kindId, type ObjectKind } from "@atoll/kubernetes";

const ownWithOne = new Set(Object.values(gatewayKinds).map(kindId));

/** Is the status of a kind written by itself? Those of most kinds of kuma.io are fields like any other. */
export const hasStatusSubresource = (kind: ObjectKind): boolean => kind.group !== group || ownWithOne.has(kindId(kind));
