import { isIP } from "node:net";
import type { Tags } from "@atoll/policy";
import type { DataSource, ExternalServiceSpec, Resource } from "@atoll/resource";
import { externalCaSecret, externalClientSecret, externalServiceNameTag, serviceTag, withoutTags, zoneTag } from "./names.ts";
import { parseProtocol } from "./protocol.ts";
import type { Protocol } from "./protocol.ts";
import type { ClusterView, DataSourceView, EndpointView, SecretView, UpstreamTlsView } from "./proxy-view.ts";

/** An ExternalService ready to be dialled. */
export interface ExternalService {
  name: string;
  /** Of the resource: name and revision tell one from all others. */
  revision: number;
  creationTime: string;
  service: string;
  tags: Tags;
  protocol: Protocol;
  /** Zone that owns it; absent = any zone may dial it. */
  zone: string | undefined;
  host: string;
  port: number;
  endpoint: EndpointView;
  tls: { name: string; match: Tags; tls: UpstreamTlsView } | undefined;
  secrets: SecretView[];
}

const known = new WeakMap<Resource<ExternalServiceSpec>, ExternalService | undefined>();

/** undefined if the address has no host or port. */
export function externalService(resource: Resource<ExternalServiceSpec>): ExternalService | undefined {
  if (!known.has(resource)) known.set(resource, read(resource));
  return known.get(resource);
}

function read(resource: Resource<ExternalServiceSpec>): ExternalService | undefined {
  const { name, mesh, spec, revision } = resource;
  const tags = spec.tags ?? {};
  const parts = /^\[?([^\]]+?)\]?:(\d+)$/.exec(spec.networking?.address ?? "");
  const service = tags[serviceTag];
  if (!parts || !service) return undefined;
  const host = parts[1]!;
  const port = Number(parts[2]);
  const { tls } = spec.networking ?? {};
  const visible = withoutTags(tls?.enabled ? { ...tags, [externalServiceNameTag]: name } : tags, serviceTag);
  const secrets: SecretView[] = [];
  const ca = dataSource(tls?.caCert);
  if (ca) secrets.push({ name: externalCaSecret(mesh, name), source: { type: "ca", mesh, data: ca } });
  const certificate = dataSource(tls?.clientCert);
  const key = dataSource(tls?.clientKey);
  if (certificate && key) {
    secrets.push({ name: externalClientSecret(mesh, name), source: { type: "keyPair", mesh, certificate, key } });
  }
  const sni = tls?.serverName || (isIP(host) ? undefined : host);
  const verified = sni ?? host;
  return {
    name,
    revision,
    creationTime: resource.creationTime,
    service,
    tags,
    protocol: parseProtocol(tags["kuma.io/protocol"]),
    zone: tags[zoneTag],
    host,
    port,
    endpoint: { address: host, port, weight: 1, ...(Object.keys(visible).length > 0 ? { tags: visible } : {}) },
    tls: tls?.enabled
      ? {
          name: host,
          match: visible,
          tls: {
            ...(certificate && key ? { clientCertificate: externalClientSecret(mesh, name) } : {}),
            ...(ca ? { ca: externalCaSecret(mesh, name) } : {}),
            // As in Kuma, a server without a given CA is not verified at all.
            ...(ca && !tls.skipHostnameVerification
              ? {
                  sans: [
                    { type: "dns" as const, exact: verified },
                    { type: "ip" as const, exact: verified },
                  ],
                }
              : {}),
            ...(sni ? { sni } : {}),
            ...(tls.allowRenegotiation ? { allowRenegotiation: true } : {}),
          },
        }
      : undefined,
    secrets,
  };
}

export function dataSource(source: DataSource | undefined): DataSourceView | undefined {
  if (source?.secret !== undefined) return { secret: source.secret };
  if (source?.inline !== undefined) return { inline: source.inline };
  if (source?.inlineString !== undefined) return { inlineString: source.inlineString };
  if (source?.file !== undefined) return { file: source.file };
  return undefined;
}

/** Discovery and TLS of a cluster that dials external services itself. Host names make it a DNS cluster, even one among IPs. */
export function externalDiscovery(services: readonly ExternalService[], ipv6: boolean): Pick<ClusterView, "discovery" | "tlsMatches"> {
  const endpoints = services.map(({ endpoint }) => endpoint);
  const tlsMatches = services.flatMap(({ tls }) => (tls ? [tls] : []));
  return {
    discovery: services.every(({ host }) => isIP(host))
      ? { type: "static", endpoints }
      : { type: "dns", endpoints, family: ipv6 ? "auto" : "v4Only" },
    ...(tlsMatches.length > 0 ? { tlsMatches } : {}),
  };
}
