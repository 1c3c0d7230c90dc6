import {
  isDnsName,
  label,
  renderGoTemplate,
  TemplateError,
  type HostnameGeneratorSpec,
  type HostnameGeneratorStatus,
  type Resource,
  type ServiceAddress,
  type ServiceType,
} from "@atoll/resource";
import { compare, matchesLabels, type ZoneService } from "./zone-service.ts";

export type HostnameGenerator = Pick<Resource<HostnameGeneratorSpec>, "name" | "labels" | "spec" | "creationTime">;

export interface ServiceNames {
  addresses: ServiceAddress[];
  hostnameGenerators: HostnameGeneratorStatus[];
}

const selectorOf = {
  MeshService: "meshService",
  MeshExternalService: "meshExternalService",
  MeshMultiZoneService: "meshMultiZoneService",
} as const satisfies Record<ServiceType, keyof HostnameGeneratorSpec["selector"]>;

/**
 * The host names of the services of one mesh in a zone, in the order of `services`. A zone's own generators come first, then the oldest. Who
 * has a name by `present` keeps it; else the first generator gives it to the oldest service. No two services have one name.
 */
export function generateHostnames(
  zone: string,
  generators: readonly HostnameGenerator[],
  services: readonly ZoneService[],
  present: (service: ZoneService) => readonly ServiceAddress[],
): ServiceNames[] {
  const ordered = generators.toSorted(byOriginAndAge);
  const byAge = services.toSorted((a, b) => compare(a.creationTime, b.creationTime) || compare(a.name, b.name));
  const made = new Map<ZoneService, ReturnType<typeof madeNames>>();
  const holders = new Map<string, ZoneService>();
  for (const service of byAge) {
    const names = madeNames(zone, ordered, service);
    made.set(service, names);
    const has = new Set(present(service).map(({ hostname }) => hostname));
    for (const { hostname } of names)
      if (hostname !== undefined && has.has(hostname) && !holders.has(hostname)) holders.set(hostname, service);
  }
  for (const generator of ordered) {
    for (const service of byAge) {
      const hostname = made.get(service)!.find((one) => one.generator === generator)?.hostname;
      if (hostname !== undefined && !holders.has(hostname)) holders.set(hostname, service);
    }
  }
  return services.map((service) => settled(service, made.get(service)!, holders));
}

interface MadeName {
  generator: HostnameGenerator;
  hostname?: string;
  error?: string;
}

const madeNames = (zone: string, generators: readonly HostnameGenerator[], service: ZoneService): MadeName[] =>
  generators
    .filter(({ spec }) => {
      const selector = spec.selector[selectorOf[service.type]];
      return selector !== undefined && matchesLabels(selector.matchLabels ?? {}, service.labels);
    })
    .map((generator) => ({ generator, ...rememberedHostname(zone, generator.spec.template, service) }));

const remembered = new WeakMap<ZoneService["labels"], Map<string, ReturnType<typeof hostnameOf>>>();

/** Remembered with the labels, which are never changed in place: of a thousand services, few are new. */
function rememberedHostname(zone: string, template: string, service: ZoneService): ReturnType<typeof hostnameOf> {
  let made = remembered.get(service.labels);
  if (made === undefined) remembered.set(service.labels, (made = new Map()));
  const key = JSON.stringify([zone, template, service.mesh, service.name]);
  let hostname = made.get(key);
  if (hostname === undefined) made.set(key, (hostname = hostnameOf(zone, template, service)));
  return hostname;
}

function settled(service: ZoneService, made: MadeName[], holders: ReadonlyMap<string, ZoneService>): ServiceNames {
  const names: ServiceNames = { addresses: [], hostnameGenerators: [] };
  for (const { generator, hostname, error } of made.toSorted((a, b) => compare(a.generator.name, b.generator.name))) {
    const hostnameGeneratorRef = { coreName: generator.name };
    const say = (status: "True" | "False", reason: "Generated" | "TemplateError" | "Collision", message: string): void => {
      names.hostnameGenerators.push({ hostnameGeneratorRef, conditions: [{ type: "Generated", status, reason, message }] });
    };
    const holder = hostname === undefined ? undefined : holders.get(hostname)!;
    if (holder === undefined) say("False", "TemplateError", error!);
    else if (holder !== service) say("False", "Collision", `Hostname collision with ${holder.type}: ${holder.name}`);
    else {
      say("True", "Generated", "");
      names.addresses.push({ hostname: hostname!, origin: "HostnameGenerator", hostnameGeneratorRef });
    }
  }
  return names;
}

/** What a template makes for a service; a text that Envoy would not resolve is an error, too. */
export function hostnameOf(zone: string, template: string, { name, mesh, labels }: ZoneService): { hostname: string } | { error: string } {
  const values = {
    Name: name,
    DisplayName: labels[label.displayName] ?? name,
    Namespace: labels[label.kubernetesNamespace] ?? "",
    Mesh: mesh,
    Zone: labels[label.zone] || zone,
  };
  const rendered = renderGoTemplate(template, values, {
    fieldsOf: "hostname.meshedName",
    functions: {
      label: ([key]) => {
        const value = labels[String(key)];
        if (value === undefined) throw new TemplateError(labelMissing(template, String(key)));
        return value;
      },
    },
  });
  if ("error" in rendered) return { error: evaluation(rendered.error) };
  if (isDnsName(rendered.text)) return { hostname: rendered.text };
  return { error: evaluation(`${JSON.stringify(rendered.text)} is not a host name`) };
}

const evaluation = (error: string): string => `pre evaluation of template with parameters failed with error=${JSON.stringify(error)}`;

/** In the words of Go's template package, which says where. */
function labelMissing(template: string, key: string): string {
  const call = `label ${JSON.stringify(key)}`;
  const at = Math.max(0, template.indexOf(call));
  return `template: :1:${at}: executing "" at <${call}>: error calling label: label ${key} not found`;
}

const zoneFirst = ({ labels }: HostnameGenerator): number => (labels?.[label.origin] === "zone" ? 0 : 1);

const byOriginAndAge = (a: HostnameGenerator, b: HostnameGenerator): number =>
  zoneFirst(a) - zoneFirst(b) || compare(a.creationTime, b.creationTime) || compare(a.name, b.name);
