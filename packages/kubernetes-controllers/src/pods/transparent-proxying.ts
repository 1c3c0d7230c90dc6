import { annotation, AnnotationError, readEnabled, readList, readUint32, type Annotations } from "@atoll/kubernetes";
import type { DataplaneSpec } from "@atoll/resource";
import { readYaml } from "@atoll/yaml";
import { z } from "zod";

type TransparentProxying = NonNullable<DataplaneSpec["networking"]["transparentProxying"]>;

const backends = z.object({
  refs: z
    .array(
      z.object({
        kind: z.string().default(""),
        name: z.string().optional(),
        namespace: z.string().optional(),
        port: z.int().min(0).optional(),
        labels: z.record(z.string(), z.string()).optional(),
      }),
    )
    .nullish(),
});

const ipFamilyModes = { dualstack: "DualStack", ipv4: "IPv4" } as const;

/** What the injector's annotations say about a pod's redirected traffic; undefined if it is not redirected. @throws AnnotationError */
export function transparentProxyingOf(annotations: Annotations): TransparentProxying | undefined {
  if (readEnabled(annotations, annotation.transparentProxying) !== true) return undefined;
  const port = (key: string, direction: string): number => {
    const value = readUint32(annotations, key);
    if (value === undefined) throw new AnnotationError(`transparent proxying ${direction} port has to be set in transparent mode`);
    return value;
  };
  const redirectPortInbound = port(annotation.redirectInboundPort, "inbound");
  const mode = annotations?.[annotation.ipFamilyMode] ?? "dualstack";
  if (!Object.hasOwn(ipFamilyModes, mode))
    throw new AnnotationError(`annotation "${annotation.ipFamilyMode}": invalid ip family mode '${mode}'`);
  const directAccessServices = readList(annotations, annotation.directAccessServices);
  const reachableServices = readList(annotations, annotation.reachableServices);
  const reachableBackends = annotations?.[annotation.reachableBackends];
  return {
    redirectPortInbound,
    redirectPortOutbound: port(annotation.redirectOutboundPort, "outbound"),
    ipFamilyMode: ipFamilyModes[mode as keyof typeof ipFamilyModes],
    ...(directAccessServices?.length && { directAccessServices }),
    ...(reachableServices?.length && { reachableServices }),
    ...(reachableBackends !== undefined && { reachableBackends: readBackends(reachableBackends) }),
  };
}

function readBackends(text: string): NonNullable<TransparentProxying["reachableBackends"]> {
  const fault = (reason: string) => new AnnotationError(`cannot parse, ${annotation.reachableBackends} has invalid format: ${reason}`);
  let document: unknown;
  try {
    document = readYaml(text);
  } catch (error) {
    throw fault((error as Error).message);
  }
  const parsed = backends.safeParse(document ?? {});
  if (!parsed.success) throw fault(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  const refs = parsed.data.refs ?? [];
  // An empty list is none in what is stored; that the section is there says that nothing is reachable.
  return refs.length === 0 ? {} : { refs: refs as NonNullable<NonNullable<TransparentProxying["reachableBackends"]>["refs"]> };
}
