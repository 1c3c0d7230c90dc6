import { connect } from "node:net";
import { eventually } from "@atoll/testkit/eventually";
import { selfSignedPair, type PemPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyStats, sumOf } from "./envoy.ts";
import { describeFailures, Load } from "./load.ts";
import { gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";
import { jsonHeaders, rest } from "./rest.ts";

// A gateway and a sidecar in east call services in both zones, two hundred requests a second together, while what they go by changes. No
// mesh has a Retry policy here: a request that is lost is lost.
let bed: MeshBed;
const edge = 0;
const outbound = 1;
const added = 2;
const cas = {
  first: selfSignedPair(["ca-1"], { authority: true }),
  second: selfSignedPair(["ca-2"], { authority: true }),
  third: selfSignedPair(["ca-3"], { authority: true }),
};
const admins: Record<string, number> = {};
let nearInbound: number;
let ingressAdmin: number;

beforeAll(async () => {
  // Long enough for a busy machine: what a listener that goes still answers must be answered before it is gone.
  bed = await MeshBed.start(15_000, { proxyEnv: { KUMA_DATAPLANE_DRAIN_TIME: "4s" } });
  const documents = [
    mesh("default", { mtls: undefined }),
    ...caSecrets([cas.first], cas.first),
    provided(),
    ...openMesh(),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", { near: 1, far: 1 })]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [near, far, caller, gateway, , ingress] = await Promise.all([
    bed.service("near", "near-1"),
    bed.service("far", "far-1", { zone: "west" }),
    bed.service("caller", "caller-1", { outbound: { [outbound]: "far" } }),
    bed.gateway("edge", "edge-1"),
    bed.zoneProxy("ZoneEgress", "egress-1", "east"),
    bed.zoneProxy("ZoneIngress", "ingress-1", "west"),
  ]);
  Object.assign(admins, { near: near.admin, far: far.admin, caller: caller.admin, edge: gateway.admin });
  nearInbound = near.inbound;
  ingressAdmin = ingress.admin;
  await eventually(
    async () =>
      Object.keys(await bed.shares(edge, 10))
        .toSorted()
        .join() === "far-1,near-1",
    { limitMs: 20_000 },
  );
  await bed.answers(outbound, 200);
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

function provided(mode?: "PERMISSIVE"): Record<string, unknown> {
  const conf = { cert: { secret: "ca-cert" }, key: { secret: "ca-key" } };
  return mesh("default", {
    mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "provided", conf, ...(mode ? { mode } : {}) }] },
    routing: { zoneEgress: true },
  });
}

/** The secrets of a CA that signs with one pair and trusts several. */
function caSecrets(trusted: PemPair[], signing: PemPair): Record<string, unknown>[] {
  const secret = (name: string, text: string) => ({ type: "Secret", mesh: "default", name, data: Buffer.from(text).toString("base64") });
  return [secret("ca-cert", trusted.map((pair) => pair.certificatePem).join("")), secret("ca-key", signing.privateKeyPem)];
}

/** Runs something under load from the gateway and from the sidecar; fails if any request did. */
async function underLoad(what: () => Promise<unknown>): Promise<void> {
  const loads = [new Load(`http://127.0.0.1:${bed.port(edge)}/load`, 100), new Load(`http://127.0.0.1:${bed.port(outbound)}/load`, 100)];
  await eventually(() => loads.every((load) => load.answered >= 20), { limitMs: 10_000 });
  try {
    await what();
    const answered = loads.map((load) => load.answered);
    await eventually(() => loads.every((load, index) => load.answered >= answered[index]! + 100), { limitMs: 10_000 });
  } finally {
    const reports = await Promise.all(loads.map((load) => load.stop()));
    expect(reports.flatMap((report) => describeFailures(report.failed))).toEqual([]);
  }
}

test("no request fails while routes change a hundred times", { timeout: 120_000 }, async () => {
  await underLoad(async () => {
    for (let round = 0; round < 50; round++) {
      const near = { near: (round % 3) + 1, far: 1 };
      await bed.atoll.apply(
        gatewayRoute("edge", "edge", [prefixRule("/", round % 4 === 3 ? "far" : near), prefixRule(`/only-${round}`, "near")]),
      );
      const destination = { "kuma.io/service": round % 2 === 0 ? "near" : "far" };
      const route = {
        type: "TrafficRoute",
        mesh: "default",
        name: "far",
        sources: [{ match: { "kuma.io/service": "caller" } }],
        destinations: [{ match: { "kuma.io/service": "far" } }],
        conf: { destination },
      };
      await bed.apply(route);
    }
  });
  expect((await bed.get(edge, "/only-49")).json().service).toBe("near-1");
});

test("no request fails while a listener comes and goes", async () => {
  await underLoad(async () => {
    await bed.apply(bed.meshGateway("edge", { [edge]: {}, [added]: {} }));
    await bed.answers(added, 200);
    await bed.apply(bed.meshGateway("edge", { [edge]: {} }));
    await eventually(
      async () => (await bed.get(added).catch((error: Error) => error.message)) === `connect ECONNREFUSED 127.0.0.1:${bed.port(added)}`,
      { limitMs: 10_000 },
    );
  });
});

// Others hear of an instance when its Envoy has answered for all that it was sent, and no more once its proxy says that it will stop.
test("no request fails when an instance of a service comes, goes and comes back", async () => {
  const seen = (wanted: boolean) =>
    eventually(async () => ((await bed.shares(edge, 20))["near-2"] !== undefined) === wanted, { limitMs: 20_000 });
  await underLoad(async () => {
    await bed.service("near", "near-2");
    await seen(true);
    await bed.atoll.stopProxy("near-2");
    await seen(false);
    await bed.atoll.startProxy("east", bed.document("near-2"));
    await seen(true);
    await bed.atoll.stopProxy("near-2");
    await seen(false);
  });
});

test("no request fails when the only instance behind egress and ingress makes room for another", async () => {
  const by = (name: string) =>
    eventually(
      async () => {
        const found = Object.keys(await bed.shares(outbound, 5)).join();
        if (found !== name) throw new Error(`${found} answers, not ${name}`);
        return true;
      },
      { limitMs: 20_000 },
    );
  const known = (count: number) =>
    eventually(
      async () => {
        const total = sumOf(await envoyStats(ingressAdmin, /^cluster\.default_far\.membership_total$/));
        if (total !== count) throw new Error(`the ingress knows ${total}, not ${count}`);
        return true;
      },
      { limitMs: 20_000 },
    );
  await underLoad(async () => {
    await bed.service("far", "far-2", { zone: "west" });
    await known(2);
    await bed.atoll.stopProxy("far-1");
    await by("far-2");
    await bed.atoll.startProxy("west", bed.document("far-1"));
    await known(2);
    await bed.atoll.stopProxy("far-2");
    await by("far-1");
  });
});

/** Serial numbers of the identity that each Envoy shows. */
async function serials(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, port] of Object.entries(admins)) {
    const { certificates } = (await rest(`http://127.0.0.1:${port}/certs`)).json<{
      certificates: { cert_chain: { serial_number: string }[] }[];
    }>();
    found[name] = [...new Set(certificates.flatMap((one) => one.cert_chain.map((chain) => chain.serial_number)))].toSorted().join();
  }
  return found;
}

/** Gives the mesh another CA, and waits until every proxy has a certificate of it; the former one stays while connections use it. */
async function replaceCa(trusted: PemPair[], signing: PemPair, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const before = await serials();
  const answer = await bed.atoll.call("/changes", {
    method: "POST",
    headers: jsonHeaders,
    body: JSON.stringify({ resources: caSecrets(trusted, signing), reason: "CA" }),
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  await bed.atoll.applied(answer.revision);
  await meanwhile();
  await eventually(
    async () => {
      const now = await serials();
      return Object.keys(now).every((name) => now[name]!.split(",").some((serial) => !before[name]!.split(",").includes(serial)));
    },
    { limitMs: 30_000 },
  );
}

test("no request fails while the CA of the mesh is replaced", () => underLoad(() => replaceCa([cas.second], cas.second)));

// What a server trusts, and since when, is in the log: one that starts in the middle goes on where it was.
test("no request fails while the CA is replaced and an xDS server is killed in the middle of it", async () => {
  await underLoad(() =>
    replaceCa([cas.third], cas.third, async () => {
      await bed.atoll.zone("east").xds.kill();
      await bed.atoll.zone("east").xds.start();
    }),
  );
});

test("PERMISSIVE: callers outside of the mesh get in as they are, callers of the mesh go on with mutual TLS", async () => {
  const plain = async () =>
    (await rest(`http://127.0.0.1:${nearInbound}/plain`, { headers: { connection: "close" } }).catch(() => undefined))?.status;
  expect(await plain()).toBeUndefined();
  await underLoad(async () => {
    await bed.apply(provided("PERMISSIVE"));
    await eventually(async () => (await plain()) === 200, { limitMs: 10_000 });
    const { headers } = (await bed.answers(edge, 200, "/mesh")).json<{ headers: Record<string, string> }>();
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://default/edge");
    await bed.apply(provided());
    await eventually(async () => (await plain()) === undefined, { limitMs: 10_000 });
  });
});

test("STRICT: a connection that is not mutual TLS of the mesh is closed without an answer", async () => {
  const answered = await new Promise<string>((resolve) => {
    let got = "";
    const socket = connect(nearInbound, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: near\r\n\r\n"));
    socket.setEncoding("utf8").on("data", (chunk: string) => (got += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(got));
  });
  expect(answered).toBe("");
});
