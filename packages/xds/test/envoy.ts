import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { envoyBinary } from "@atoll/testkit/envoy";
import type { Protocol } from "../src/index.ts";

/** An Envoy that gets everything from an ADS server on this machine. */
export class Envoy {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = "";

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    child.stderr?.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
  }

  static async start(nodeId: string, adsPort: number, protocol: Protocol, extra: object = {}): Promise<Envoy> {
    const folder = await mkdtemp(join(tmpdir(), "atoll-xds-"));
    await writeFile(join(folder, "bootstrap.json"), JSON.stringify({ ...bootstrap(nodeId, adsPort, protocol), ...extra }));
    const args = ["--config-path", join(folder, "bootstrap.json"), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"];
    return new Envoy(spawn(envoyBinary(), args, { stdio: ["ignore", "ignore", "pipe"] }), folder);
  }

  get log(): string {
    return this.#log;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGKILL");
      await exited;
    }
    await rm(this.#folder, { recursive: true });
  }
}

function bootstrap(nodeId: string, adsPort: number, protocol: Protocol) {
  const http2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: adsPort } } };
  const source = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
  return {
    node: { id: nodeId, cluster: "test" },
    dynamic_resources: {
      ads_config: {
        api_type: protocol === "delta" ? "DELTA_GRPC" : "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "ads" } }],
      },
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "ads",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: http2,
          load_assignment: { cluster_name: "ads", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}
