import { annotation, readEnabled, readUint32, type Annotations } from "@atoll/kubernetes";
import { InjectionError } from "./injection-error.ts";

/** Whether HTTP probes may go through a listener of Envoy. A delegated gateway has none. @throws AnnotationError, InjectionError */
export function virtualProbesEnabled(annotations: Annotations, enabledByDefault: boolean): boolean {
  const asked = readEnabled(annotations, annotation.virtualProbes);
  if (!isGateway(annotations)) return asked ?? enabledByDefault;
  if (asked === true) throw new InjectionError("virtual probes can't be enabled in gateway mode");
  return false;
}

/**
 * Where the proxy carries out the application's probes; 0 = nowhere. Who turns virtual probes off and does not speak of the proxy wants neither; a
 * gateway answers its probes itself. @throws AnnotationError, InjectionError
 */
export function probeProxyPortOf(
  annotations: Annotations,
  { virtualProbes, byDefault }: { virtualProbes: boolean; byDefault: number },
): number {
  const asked = readUint32(annotations, annotation.probeProxyPort);
  if (!virtualProbes && asked === undefined) return 0;
  if (annotations?.[annotation.gateway] === undefined) return asked ?? byDefault;
  if (asked !== undefined && asked > 0) throw new InjectionError("application probe proxies probes can't be enabled in gateway mode");
  return 0;
}

/** A delegated gateway; `provided` names its Deployment, and is one, too. @throws AnnotationError */
export const isGateway = (annotations: Annotations): boolean =>
  annotations?.[annotation.gateway] === "provided" || (readEnabled(annotations, annotation.gateway) ?? false);
