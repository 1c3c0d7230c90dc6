/** The proxies of `proxies.ts`, in a process of their own. Tells its parent when all have what they wait for. */
import { AdsClient } from "../../../packages/dp-server/test/proxy-client.ts";

const [port, count, services] = process.argv.slice(2).map(Number) as [number, number, number];
const service = "kuma.io/service";
const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
let waiting = new Set<number>();
/** What the proxies wait for is there. */
let told = false;

for (let index = 0; index < count; index++) {
  waiting.add(index);
  const document = {
    type: "Dataplane",
    mesh: "default",
    name: `app-${index}`,
    networking: {
      address: `10.0.${index >> 8}.${index & 255}`,
      inbound: [{ port: 8080, tags: { [service]: `service-${index % services}`, "kuma.io/protocol": "http" } }],
      outbound: [0, 1, 2, 3, 4].map((at) => ({ port: 20_000 + at, tags: { [service]: `service-${(index + at) % services}` } })),
    },
  };
  const client = new AdsClient({ port, caPem: process.env["CA"]! }, []);
  client.acknowledgeAll(["identity_cert:secret:default", "mesh_ca:secret:default"], ({ typeUrl }) => {
    if (told || typeUrl !== (awaited ?? secretType)) return;
    waiting.delete(index);
    if (waiting.size > enough) return;
    told = true;
    process.send!("done");
  });
  client.start({
    id: `default.app-${index}`,
    metadata: { "dataplane.proxyType": "dataplane", "dataplane.resource": JSON.stringify(document) },
  });
}

let awaited: string | undefined;
/** So many need not have it: none if all have to. */
let enough = 0;
process.on("message", (who: "all" | "any") => {
  awaited = clusterType;
  told = false;
  enough = who === "all" ? 0 : count - 1;
  waiting = new Set(Array.from({ length: count }, (_, index) => index));
});
