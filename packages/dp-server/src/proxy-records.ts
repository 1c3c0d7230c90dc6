import type { ProxyName, ProxyType, ResourceKey } from "@atoll/resource";

/** Resource type that stands for a proxy of that type. */
export const resourceTypeOf: Record<ProxyType, "Dataplane" | "ZoneIngress" | "ZoneEgress"> = {
  dataplane: "Dataplane",
  ingress: "ZoneIngress",
  egress: "ZoneEgress",
};

/** Notes in the zone's log which resources a proxy brought, and through which replica: only those leave with their proxy. */
export const registrationType = "ProxyRegistration";

export interface RegistrationSpec {
  proxyType: ProxyType;
  name: string;
  instanceId: string;
  /** The proxy said that it is about to stop. */
  leaving?: true;
}

const insightTypeOf: Record<ProxyType, "DataplaneInsight" | "ZoneIngressInsight" | "ZoneEgressInsight"> = {
  dataplane: "DataplaneInsight",
  ingress: "ZoneIngressInsight",
  egress: "ZoneEgressInsight",
};

export const proxyTypes = Object.keys(insightTypeOf) as ProxyType[];

export const resourceKey = ({ proxyType, mesh, name }: ProxyName): ResourceKey => ({ type: resourceTypeOf[proxyType], mesh, name });

/** The insight records what is observed of a proxy. */
export const insightKey = ({ proxyType, mesh, name }: ProxyName): ResourceKey => ({ type: insightTypeOf[proxyType], mesh, name });

export const registrationKey = ({ proxyType, mesh, name }: ProxyName): ResourceKey => ({
  type: registrationType,
  mesh,
  name: `${proxyType}.${name}`,
});
