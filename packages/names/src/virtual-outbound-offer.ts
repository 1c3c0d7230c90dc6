import type { Tags } from "@atoll/policy";
import { isDnsName, renderGoTemplate, type Resource, type VirtualIpOutbound, type VirtualOutboundSpec } from "@atoll/resource";

/** The name, port and destination that a VirtualOutbound gives to what has these tags; undefined if its templates make none of them. */
export function virtualOutboundOffer(
  { name, spec }: Resource<VirtualOutboundSpec>,
  tags: Tags,
): { host: string; offer: VirtualIpOutbound } | undefined {
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
  if ("error" in host || "error" in port || !isDnsName(host.text) || !/^[+]?\d{1,18}$/.test(port.text)) return undefined;
  const number = Number(port.text);
  if (number < 1 || number > 65_535) return undefined;
  return { host: host.text, offer: { port: number, tags: destination, origin: `virtual-outbound:${name}` } };
}
