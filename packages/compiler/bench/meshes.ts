import { createBuiltinCa, builtinCaSecretNames } from "@atoll/certificate";
import type { ResourceDraft } from "@atoll/resource";
import { sealSecret, type KeyRing } from "@atoll/secret";

const service = "kuma.io/service";
const mtls = { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] };

/** The mesh `default` with its CA, as a zone has it. */
export async function mesh(
  ring: KeyRing,
  routing: object = {},
): Promise<{ documents: Record<string, unknown>[]; secrets: ResourceDraft[] }> {
  const pair = await createBuiltinCa({ mesh: "default", nowMs: Date.now() });
  const names = builtinCaSecretNames("default", "ca-1");
  const secret = (name: string, text: string) =>
    sealSecret(ring, { type: "Secret", mesh: "default", name, spec: { data: Buffer.from(text).toString("base64") } });
  return {
    documents: [
      { type: "Mesh", name: "default", mtls, routing },
      {
        type: "TrafficPermission",
        mesh: "default",
        name: "all",
        sources: [{ match: { [service]: "*" } }],
        destinations: [{ match: { [service]: "*" } }],
      },
      {
        type: "TrafficRoute",
        mesh: "default",
        name: "all",
        sources: [{ match: { [service]: "*" } }],
        destinations: [{ match: { [service]: "*" } }],
        conf: { destination: { [service]: "*" } },
      },
    ],
    secrets: [secret(names.cert, pair.certPem), secret(names.key, pair.keyPem)],
  };
}

export const address = (index: number): string => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

export const sidecar = (index: number, services: number, outbounds: number) => ({
  type: "Dataplane",
  mesh: "default",
  name: `app-${index}`,
  networking: {
    address: address(index),
    inbound: [{ port: 8080, tags: { [service]: `service-${index % services}`, "kuma.io/protocol": "http", version: `${index % 3}` } }],
    outbound: Array.from({ length: outbounds }, (_, at) => ({
      port: 20_000 + at,
      tags: { [service]: `service-${(index + at) % services}` },
    })),
  },
});

export const timeout = (seconds: number) => ({
  type: "Timeout",
  mesh: "default",
  name: "all",
  sources: [{ match: { [service]: "*" } }],
  destinations: [{ match: { [service]: "*" } }],
  conf: { connectTimeout: `${seconds}s` },
});

export const gateway = () => [
  {
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { [service]: "edge" } }],
    conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
  },
];

export const gatewayDataplane = (index = 1) => ({
  type: "Dataplane",
  mesh: "default",
  name: `edge-${index}`,
  networking: { address: address(0x00fe0000 + index), gateway: { type: "BUILTIN", tags: { [service]: "edge" } } },
});

export const gatewayRoute = (index: number, path = `/route-${index}`) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: `route-${index}`,
  selectors: [{ match: { [service]: "edge" } }],
  conf: {
    http: {
      rules: [
        {
          matches: [{ path: { match: "PREFIX", value: path } }],
          backends: [{ weight: 1, destination: { [service]: `service-${index}` } }],
        },
      ],
    },
  },
});
