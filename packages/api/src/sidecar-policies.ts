import { isIPv6 } from "node:net";
import { type Tags, chooseDataplanePolicy, chooseInboundPolicy, inboundPolicies, outboundChooser, passThroughService } from "@atoll/policy";
import {
  type DataplaneSpec,
  type Resource,
  type TrafficRouteSpec,
  type VirtualIpSpec,
  inboundAddressesOf,
  tag,
  tagSetsOf,
} from "@atoll/resource";
import { outboundAddresses } from "@atoll/view";

/** Policies of one type in the dataplane's mesh. */
export type PolicyLists = <Spec>(type: string) => readonly Resource<Spec>[];

/** A part of a sidecar, and the policies chosen for it. */
export interface Attachment {
  type: "dataplane" | "inbound" | "outbound" | "service";
  /** "" for the dataplane itself. */
  name: string;
  service: string;
  policies: Resource[];
}

type Selectors = { selectors?: { match?: Tags }[]; sources?: { match?: Tags }[]; destinations?: { match?: Tags }[] };

const perOutbound = ["Timeout", "RateLimit", "TrafficRoute"];
const perReachedService = ["HealthCheck", "CircuitBreaker", "Retry"];
const perDataplane = ["TrafficTrace", "ProxyTemplate"];

/** Which policies the parts of a sidecar have, sorted by part; parts without any are left out (controlplane.md 1.7). */
export function sidecarAttachments(
  dataplane: Resource<DataplaneSpec>,
  virtualIps: readonly VirtualIpSpec[],
  policies: PolicyLists,
): Attachment[] {
  const { spec } = dataplane;
  const sources = tagSetsOf(spec);
  const choose = (type: string) => outboundChooser(policies<Selectors>(type), sources);
  const outbounds = outboundAddresses(dataplane, virtualIps);
  const services = [...new Set(outbounds.map(({ tags }) => tags[tag.service] ?? ""))];
  const attachments: Attachment[] = [];
  const attach = (type: Attachment["type"], name: string, service: string, found: (Resource | undefined)[]) => {
    const chosen = found.filter((policy) => policy !== undefined);
    if (chosen.length > 0) attachments.push({ type, name, service, policies: chosen });
  };

  for (const inbound of spec.networking.inbound ?? []) {
    const { listen, application } = inboundAddressesOf(spec, inbound);
    const permission = chooseInboundPolicy(policies<Selectors>("TrafficPermission"), inbound.tags);
    const others = ["FaultInjection", "RateLimit"].flatMap((type) => inboundPolicies(policies<Selectors>(type), inbound.tags));
    attach("inbound", `${listen.address}:${listen.port}:${application.port}`, inbound.tags[tag.service] ?? "", [permission, ...others]);
  }
  const outboundChoosers = perOutbound.map(choose);
  for (const { address, port, tags } of outbounds) {
    const service = tags[tag.service] ?? "";
    attach(
      "outbound",
      `${isIPv6(address) ? `[${address}]` : address}:${port}`,
      service,
      outboundChoosers.map((chosen) => chosen(service)),
    );
  }
  const log = choose("TrafficLog");
  const reachedChoosers = perReachedService.map(choose);
  const reached = reachedServices(
    outbounds.map(({ tags }) => tags),
    choose("TrafficRoute"),
  );
  for (const service of new Set([...services, passThroughService, ...reached])) {
    const logged = service === passThroughService || services.includes(service) ? [log(service)] : [];
    const others = reached.has(service) ? reachedChoosers.map((chosen) => chosen(service)) : [];
    attach("service", service, service, [...logged, ...others]);
  }
  attach(
    "dataplane",
    "",
    "",
    perDataplane.map((type) => chooseDataplanePolicy(policies<Selectors>(type), sources)),
  );
  return attachments.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

const text = ({ type, name, service }: Attachment): string => `${type} ${name} ${service}`;

/** Services that the outbounds lead to: those their TrafficRoute names, else their own. */
function reachedServices(outbounds: readonly Tags[], route: (service: string) => Resource<Selectors> | undefined): Set<string> {
  const reached = new Set<string>();
  for (const tags of outbounds) {
    const own = tags[tag.service] ?? "";
    const conf = (route(own)?.spec as TrafficRouteSpec | undefined)?.conf;
    const destinations =
      conf === undefined ? [tags] : conf.destination ? [conf.destination] : (conf.split ?? []).map((one) => one.destination);
    for (const destination of destinations) {
      const service = destination[tag.service] ?? own;
      reached.add(service === "*" ? own : service);
    }
  }
  return reached;
}
