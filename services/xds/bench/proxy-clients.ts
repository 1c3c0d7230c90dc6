/** The proxies of `proxies.ts`, in a process of their own. Tells its parent when all have what they wait for. */
import { AdsClient } from "../../../packages/dp-server/test/proxy-client.ts";

const [port, count] = [Number(process.argv[2]), Number(process.argv[3])];
const service = "kuma.io/service";
const services = Math.max(1, count / 20);
const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
let waiting = new Set<number>();

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
    if (typeUrl !== (awaited ?? secretType)) return;
    waiting.delete(index);
    if (waiting.size === 0) process.send!("all");
  });
  client.start({
    id: `default.app-${index}`,
    metadata: { "dataplane.proxyType": "dataplane", "dataplane.resource": JSON.stringify(document) },
  });
}

let awaited: string | undefined;
process.on("message", () => {
  awaited = clusterType;
  waiting = new Set(Array.from({ length: count }, (_, index) => index));
});
