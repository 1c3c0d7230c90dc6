import { validateGoTemplate } from "../go-template.ts";
import type {
  HostnameGeneratorSpec,
  MeshExternalServiceSpec,
  MeshMultiZoneServiceSpec,
  MeshServiceSpec,
} from "../specs/service-resources.ts";
import { isDnsName, isIpAddress } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const protocols = ["grpc", "http", "http2", "kafka", "tcp"];
const protocolRule = `appProtocol must be one of: ${protocols.join(", ")}`;
const portRule = "port must be a valid (1-65535)";
/** Functions that the templates of host names know besides Go's own. */
const templateFunctions = ["label"];

const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

/** Kuma takes any port and protocol here, and then calls nobody by them. */
function* validateMeshService({ ports = [] }: MeshServiceSpec): Violations {
  for (const [index, { port, appProtocol }] of ports.entries()) {
    const path = at("spec.ports", index);
    if (!isPort(port)) yield violation(`${path}.port`, portRule);
    if (!protocols.includes(appProtocol)) yield violation(`${path}.appProtocol`, protocolRule);
    if (ports.findIndex((other) => other.port === port) < index) yield violation(`${path}.port`, "must not be given twice");
  }
}

function* validateMeshMultiZoneService({ selector, ports }: MeshMultiZoneServiceSpec): Violations {
  if (Object.keys(selector.meshService.matchLabels).length === 0) {
    yield violation("spec.selector.meshService.matchLabels", "cannot be empty");
  }
  for (const [index, { name, port, appProtocol }] of ports.entries()) {
    const path = at("spec.ports", index);
    if (name === "") yield violation(`${path}.name`, "must not be empty");
    if (!protocols.includes(appProtocol)) yield violation(`${path}.appProtocol`, protocolRule);
    if (!isPort(port)) yield violation(`${path}.port`, portRule);
    if (ports.findIndex((other) => other.port === port) < index) yield violation(`${path}.port`, "must not be given twice");
  }
}

function* validateMeshExternalService({ extension, endpoints = [], tls }: MeshExternalServiceSpec): Violations {
  // An extension checks what belongs to it.
  if (extension === undefined) {
    for (const [index, { address }] of endpoints.entries()) {
      if (isIpAddress(address) || isDnsName(address)) continue;
      yield violation(`${at("spec.endpoints", index)}.address`, "address has to be a valid IP or hostname");
    }
    if (tls) yield* validateTls("spec.tls", tls);
  } else if (extension.type === "") yield violation("spec.extension.type", "must not be empty");
}

const versions = ["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"];

function* validateTls(path: string, { version, verification }: NonNullable<MeshExternalServiceSpec["tls"]>): Violations {
  if (version && version.min !== "TLSAuto" && version.max !== "TLSAuto" && versions.indexOf(version.min) > versions.indexOf(version.max)) {
    yield violation(`${path}.version.min`, "min version must be lower than max");
  }
  if (!verification) return;
  const { serverName, clientCert, clientKey } = verification;
  const verified = `${path}.verification`;
  if (serverName !== undefined && !isDnsName(serverName)) yield violation(`${verified}.serverName`, "must be a valid DNS name");
  if (clientCert && !clientKey) yield violation(`${verified}.clientKey`, "must be defined when clientCert is defined");
  if (clientKey && !clientCert) yield violation(`${verified}.clientCert`, "must be defined when clientKey is defined");
}

function* validateHostnameGenerator({ selector, template }: HostnameGeneratorSpec): Violations {
  const given = [selector.meshService, selector.meshExternalService, selector.meshMultiZoneService].filter((one) => one !== undefined);
  if (given.length !== 1) yield violation("spec.selector", "exact one selector (meshService, meshExternalService) must be defined");
  if (template === "") yield violation("spec.template", "must not be empty");
  const fault = validateGoTemplate(template, templateFunctions);
  if (fault !== undefined) yield violation("spec.template", `couldn't parse template: template: :1: ${fault}`);
}

/** By kind, for specs that have the shape of the kind. */
export const serviceValidators: Readonly<Record<string, (spec: never) => Violations>> = {
  MeshService: validateMeshService,
  MeshExternalService: validateMeshExternalService,
  MeshMultiZoneService: validateMeshMultiZoneService,
  HostnameGenerator: validateHostnameGenerator,
};
