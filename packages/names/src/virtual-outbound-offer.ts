import type { Tags } from "@atoll/policy";
import { isDnsName, renderGoTemplate, type Resource, type VirtualIpOutbound, type VirtualOutboundSpec } from "@atoll/resource";

/** The name, port and destination that a VirtualOutbound gives to what has these tags, or why its templates make none of them. */
export function virtualOutboundOffer(
  { name, spec }: Resource<VirtualOutboundSpec>,
  tags: Tags,
): { host: string; offer: VirtualIpOutbound } | { reason: string } {
  const parameters: Record<string, string> = {};
  const destination: Record<string, string> = {};
  for (const { name: parameter, tagKey } of spec.conf.parameters) {
    const key = tagKey || parameter;
    const value = tags[key];
    if (value === undefined) continue;
    parameters[parameter] = value;
    destination[key] = value;
  }
  const host = renderGoTemplate(spec.conf.host, parameters);
  const port = renderGoTemplate(spec.conf.port, parameters);
  if ("error" in host) return { reason: `conf.host: ${host.error}` };
  if (!isDnsName(host.text)) return { reason: `conf.host gives ${JSON.stringify(host.text)}, which is no DNS name` };
  if ("error" in port) return { reason: `conf.port: ${port.error}` };
  const number = /^[+]?\d{1,18}$/.test(port.text) ? Number(port.text) : 0;
  if (number < 1 || number > 65_535) return { reason: `conf.port gives ${JSON.stringify(port.text)}, which is no port` };
  return { host: host.text, offer: { port: number, tags: destination, origin: `virtual-outbound:${name}` } };
}
