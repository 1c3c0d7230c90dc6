import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyStats, sumOf } from "./envoy.ts";
import { connection, gatewayRoute, mesh, MeshBed, mutualTls, prefixRule } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// MeshTLS: who is taken without mutual TLS, and what a sidecar, a builtin gateway and a delegated one agree upon with the service they call.
let bed: MeshBed;
let inbound: number;
let webAdmin: number;
const client = 0;
const edge = 1;
const delegated = 2;
const real = 3;
const callers = [
  ["a sidecar", client],
  ["a sidecar, by a MeshService", real],
  ["a builtin gateway", edge],
  ["a delegated gateway", delegated],
] as const;

const meshTls = (name: string, conf: object, targetRef: object = { kind: "Mesh" }) => ({
  type: "MeshTLS",
  mesh: "default",
  name,
  spec: { targetRef, rules: [{ default: conf }] },
});
const waits = { limitMs: 20_000, everyMs: 25 };

beforeAll(async () => {
  bed = await MeshBed.start(17_700, { zones: ["east"] });
  for (const document of [
    mesh("default", { meshServices: { mode: "Everywhere" } }),
    connection("TrafficPermission", "allow-all", {}),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ])
    await bed.atoll.apply(document);
  const web = await bed.service("web", "web-1");
  ({ inbound, admin: webAdmin } = web);
  const outbound = [
    { port: bed.port(client), tags: { "kuma.io/service": "web" } },
    { port: bed.port(real), backendRef: { kind: "MeshService", name: "web", port: inbound } },
  ];
  await Promise.all([
    bed.service("client", "client-1", { networking: { outbound } }),
    bed.gateway("edge", "edge-1"),
    bed.gateway("kong", "kong-1", { delegated: true, outbound: { [delegated]: "web" } }),
  ]);
  for (const [, number] of callers) await eventually(() => bed.answers(number, 200), { limitMs: 60_000 });
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

const plain = () => rest(`http://127.0.0.1:${inbound}/`, { headers: { connection: "close" } });
const plainIsTaken = () => eventually(async () => (await plain()).status === 200, waits);
const plainIsRefused = () =>
  eventually(async () => {
    await expect(plain()).rejects.toThrow(/socket|disconnected|reset/i);
    return true;
  }, waits);

describe("whether callers without mutual TLS are taken", () => {
  const forWeb = { kind: "MeshSubset", tags: { "kuma.io/service": "web" } };

  test("a policy opens a service of a mesh that is strict", async () => {
    await plainIsRefused();
    await bed.during(meshTls("open", { mode: "Permissive" }, forWeb), async () => {
      await plainIsTaken();
      for (const [, number] of callers) await bed.answers(number, 200);
    });
    await plainIsRefused();
  });

  test("a policy closes a service of a mesh that is not", async () => {
    await bed.apply(mesh("default", { meshServices: { mode: "Everywhere" }, mtls: mutualTls("PERMISSIVE") }));
    await plainIsTaken();
    await bed.during(meshTls("closed", { mode: "Strict" }, forWeb), async () => {
      await plainIsRefused();
      for (const [, number] of callers) await bed.answers(number, 200);
    });
    await plainIsTaken();
    await bed.apply(mesh("default", { meshServices: { mode: "Everywhere" } }));
    await plainIsRefused();
  });
});

describe.each(callers)("what %s agrees upon with the service", (_caller, number) => {
  /** How many connections to the service have agreed upon it so far. */
  const agreed = async (what: string): Promise<number> =>
    sumOf(await envoyStats(webAdmin, new RegExp(`^listener\\.127\\.0\\.0\\.1_${inbound}\\.ssl\\.${what}$`)));
  /** A policy that changes means new connections, of which there is one as soon as somebody calls. */
  const agrees = async (what: string, policy: object): Promise<void> => {
    const before = await agreed(what);
    await bed.during(policy as Record<string, unknown>, () =>
      eventually(async () => {
        await bed.answers(number, 200);
        return (await agreed(what)) > before;
      }, waits),
    );
    await bed.answers(number, 200);
  };

  test.each([
    ["TLSv1\\.3", { min: "TLS13" }],
    ["TLSv1\\.3", { min: "TLS12", max: "TLS13" }],
    ["TLSv1\\.2", { max: "TLS12" }],
  ])("%s, by %o", (version, tlsVersion) => agrees(`versions\\.${version}`, meshTls("version", { tlsVersion })));

  test("a cipher", () => {
    const tlsCiphers = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
    const policy = meshTls("cipher", { tlsVersion: { max: "TLS12" }, tlsCiphers });
    return agrees("ciphers\\.ECDHE-(?:ECDSA|RSA)-AES256-GCM-SHA384", policy);
  });
});
