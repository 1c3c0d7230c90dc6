import type { ExternalServiceSpec } from "../specs/external-service.ts";
import { tag } from "../tags.ts";
import { validateProtocolTag, validateTags } from "./tags.ts";
import { isDnsName, isIpAddress, splitHostPort, validatePort } from "./values.ts";
import { keyed, violation, type Violations } from "./violation.ts";

type Networking = ExternalServiceSpec["networking"];

export function* validateExternalService(spec: ExternalServiceSpec): Violations {
  const { networking } = spec;
  if (networking === undefined) yield violation("networking", "should have networking");
  else {
    yield* validateExternalAddress("networking.address", networking.address);
    if (networking.tls) yield* validateTls("networking.tls", networking.tls);
  }
  yield* validateTags("tags", spec.tags, { service: "required", also: validateProtocolTag });
  const host = splitHostPort(networking?.address ?? "")?.host;
  if (host && spec.tags?.[tag.service] === host) yield violation(keyed("tags", tag.service), "cannot be the same as networking.address");
}

function* validateExternalAddress(path: string, address: string = ""): Violations {
  if (address === "") {
    yield violation(path, "address can't be empty");
    return;
  }
  const parts = splitHostPort(address);
  if (!parts) yield violation(path, "unable to parse address");
  const { host, port } = parts ?? { host: "", port: "" };
  if (!isIpAddress(host) && !isDnsName(host)) yield violation(path, "address has to be a valid IP address or a domain name");
  const parsed = /^[0-9]{1,10}$/.test(port);
  if (!parsed) yield violation(path, "unable to parse port in address");
  yield* validatePort(path, parsed ? Number(port) : 0);
}

function* validateTls(path: string, tls: NonNullable<Networking["tls"]>): Violations {
  if (tls.serverName === "") yield violation(`${path}.serverName`, "cannot be empty");
  for (const name of ["caCert", "clientCert", "clientKey"] as const) {
    const source = tls[name];
    if (source && !Object.values(source).some((text) => text !== "")) yield violation(`${path}.${name}`, "data source cannot be empty");
  }
}
