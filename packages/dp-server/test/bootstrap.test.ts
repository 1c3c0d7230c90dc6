import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, request as requestHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { CertificateAuthority, configuredCertificate, createBuiltinCa, createServerCertificate, issueLeaf } from "@atoll/certificate";
import { golden, scratchFolder, validateEnvoyConfig } from "@atoll/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { answerBootstrap, type BootstrapContext } from "../src/index.ts";
import { proxyHttp } from "../src/proxy-http.ts";
import { parseBootstrapRequest } from "../src/bootstrap-request.ts";
import { Config, dataplane, draft, quiet } from "./fixtures.ts";

const pem = "-----BEGIN CERTIFICATE-----\nc2VydmVy\n-----END CERTIFICATE-----\n";

const contextWith = (part: Partial<BootstrapContext> = {}): BootstrapContext => ({
  zone: "east",
  config: new Config().put({ type: "Mesh", name: "default" }),
  zoneResources: new Config(),
  authentication: { dataplanes: "dpToken", zoneProxies: "zoneToken" },
  certificateNames: ["localhost", "127.0.0.1", "::1"],
  certificatePem: pem,
  adminAddress: "127.0.0.1",
  adminPort: 9901,
  adminAccessLogPath: "/dev/null",
  healthDiscovery: true,
  reloadableTokens: false,
  xdsHost: "",
  xdsPort: 5678,
  xdsConnectTimeoutMs: 1_000,
  maxDownstreamConnections: 50_000,
  ...part,
});

interface Case {
  host: string;
  xdsHost?: string;
  corefileTemplate?: string;
  stored?: object[];
  request: Record<string, unknown> & { dataplaneResource?: object };
}

golden(fileURLToPath(new URL("../testdata", import.meta.url)), ({ host, xdsHost, corefileTemplate, stored = [], request }: Case) => {
  const { dataplaneResource, ...rest } = request;
  const body = JSON.stringify({ ...rest, ...(dataplaneResource && { dataplaneResource: JSON.stringify(dataplaneResource) }) });
  const context = contextWith({ zoneResources: new Config().put(...stored), ...(xdsHost && { xdsHost }), corefileTemplate });
  const { bootstrap, kumaSidecarConfiguration } = answerBootstrap(parseBootstrapRequest(body)!, host, context);
  return { "bootstrap.yaml": parse(Buffer.from(bootstrap, "base64").toString("utf8")), "answer.yaml": kumaSidecarConfiguration };
});

test("Envoy accepts a bootstrap of each kind of proxy", async () => {
  const ca = (await createBuiltinCa({ mesh: "server", nowMs: Date.now() })).certPem;
  const resources: [string, object][] = [
    ["dataplane", dataplane("web-1")],
    ["dataplane", dataplane("edge-1", { inbound: undefined, gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } })],
    ["ingress", { type: "ZoneIngress", name: "in-1", networking: { address: "127.0.0.1", port: 10001 } }],
    ["egress", { type: "ZoneEgress", name: "out-1", networking: { address: "127.0.0.1", port: 10002 } }],
  ];
  for (const [proxyType, resource] of resources) {
    const { mesh = "", name } = draft(resource);
    const request = { proxyType, mesh, name, dataplaneToken: "a.b.c", dataplaneResource: JSON.stringify(resource), workdir: "/tmp" };
    const answer = answerBootstrap(parseBootstrapRequest(JSON.stringify(request))!, "localhost:5678", contextWith({ certificatePem: ca }));
    await validateEnvoyConfig(parse(Buffer.from(answer.bootstrap, "base64").toString("utf8")));
  }
});

test("what the settings say of the bootstrap", async () => {
  const ca = (await createBuiltinCa({ mesh: "server", nowMs: Date.now() })).certPem;
  const both = { mesh: "default", name: "web-1", dataplaneToken: "a.b.c", dataplaneTokenPath: "/tmp/token", workdir: "/tmp" };
  const answerTo = (request: object, part: Partial<BootstrapContext> = {}) => {
    const body = JSON.stringify({ ...request, dataplaneResource: JSON.stringify(dataplane("web-1")) });
    const { bootstrap } = answerBootstrap(parseBootstrapRequest(body)!, "localhost:5678", contextWith({ certificatePem: ca, ...part }));
    return { yaml: Buffer.from(bootstrap, "base64").toString("utf8"), config: parse(Buffer.from(bootstrap, "base64").toString("utf8")) };
  };
  expect(answerTo(both).yaml).not.toContain("/tmp/token");
  const reloadable = answerTo(both, { reloadableTokens: true });
  expect(reloadable.yaml).not.toContain("a.b.c");
  expect(reloadable.config.dynamicResources.adsConfig.grpcServices[0].googleGrpc).toMatchObject({
    credentialsFactoryName: "envoy.grpc_credentials.file_based_metadata",
    callCredentials: [{ fromPlugin: { typedConfig: { secretData: { filename: "/tmp/token" } } } }],
  });
  // A proxy that says the token alone has no file to read again.
  expect(answerTo({ ...both, dataplaneTokenPath: "" }, { reloadableTokens: true }).yaml).toContain("a.b.c");
  expect(answerTo(both).config.hdsConfig).toBeDefined();
  const other = answerTo(both, { healthDiscovery: false, adminAccessLogPath: "/tmp/admin.log", xdsConnectTimeoutMs: 2_500 });
  expect(other.config.hdsConfig).toBeUndefined();
  expect(other.config.admin.accessLog[0].typedConfig.path).toBe("/tmp/admin.log");
  expect(other.config.staticResources.clusters.find(({ name }: { name: string }) => name === "ads_cluster").connectTimeout).toBe("2.5s");
  for (const { config } of [reloadable, other]) await validateEnvoyConfig(config);
});

test("the launcher is told whose metrics to add: the mesh's applications, of which the dataplane may say otherwise", () => {
  const aggregate = (...list: object[]) => ({ type: "prometheus", conf: { aggregate: list } });
  const metrics = {
    enabledBackend: "p",
    backends: [
      {
        name: "p",
        ...aggregate(
          { name: "app", port: 8080, path: "/app" },
          { name: "off", port: 8081, path: "/off", enabled: false },
          { name: "own", port: 8082, path: "/own" },
        ),
      },
    ],
  };
  const config = new Config().put({ type: "Mesh", name: "default", metrics });
  const own = { ...dataplane("web-1"), metrics: aggregate({ name: "own", port: 9, path: "/", address: "127.0.0.2" }) };
  const request = { mesh: "default", name: "web-1", dataplaneToken: "a.b.c", dataplaneResource: JSON.stringify(own) };
  const answer = answerBootstrap(parseBootstrapRequest(JSON.stringify(request))!, "localhost:5678", contextWith({ config }));
  expect(answer.kumaSidecarConfiguration.metrics.aggregate).toEqual([
    { name: "app", address: "127.0.0.1", port: 8080, path: "/app" },
    { name: "own", address: "127.0.0.2", port: 9, path: "/" },
  ]);
});

describe("over HTTP", () => {
  const context = contextWith({ zoneResources: new Config().put(dataplane("stored-1")) });
  const brought = (change: object = {}) => JSON.stringify({ ...dataplane("web-1"), ...change });
  const good = { mesh: "default", name: "web-1", dataplaneToken: "a.b.c", dataplaneResource: brought() };
  let port: number;
  let leafPem: string;

  beforeAll(async () => {
    const server = createServer(
      proxyHttp({ bootstrap: () => context, leave: async () => false, log: { ...quiet, warn: (fields) => said.push(fields) } }),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    server.unref();
    ({ port } = server.address() as AddressInfo);
    const ca = CertificateAuthority.load(await createBuiltinCa({ mesh: "server", nowMs: Date.now() }));
    leafPem = (await issueLeaf(ca, { identity: { mesh: "m", tags: {} }, nowMs: Date.now() })).certPem;
  });

  const said: object[] = [];
  const post = (body: unknown, headers: Record<string, string> = {}, path = "/bootstrap") =>
    new Promise<{ status: number; type: string; text: string }>((resolve, reject) => {
      const request = requestHttp({
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        headers: { accept: "application/json", host: "localhost:5678", ...headers },
      });
      request.on("error", reject);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            type: response.headers["content-type"] ?? "",
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      });
      request.end(typeof body === "string" ? body : JSON.stringify(body));
    });

  test("the answer is JSON where that alone is accepted, and the bare bootstrap otherwise", async () => {
    const json = await post(good);
    expect([json.status, json.type]).toEqual([200, "application/json"]);
    const bootstrap = Buffer.from((JSON.parse(json.text) as { bootstrap: string }).bootstrap, "base64").toString("utf8");
    for (const accept of ["*/*", "application/json, text/plain"]) {
      const yaml = await post(good, { accept });
      expect([yaml.status, yaml.type, yaml.text]).toEqual([200, "text/x-yaml", bootstrap]);
    }
  });

  const refusals: [string, () => unknown, Record<string, string>, number, RegExp][] = [
    ["no JSON", () => "{", {}, 400, /^$/],
    ["a field of another type", () => ({ ...good, mesh: 1 }), {}, 400, /^$/],
    ["a proxy that is not stored", () => ({ mesh: "default", name: "web-9", dataplaneToken: "a.b.c" }), {}, 404, /^$/],
    ["no token", () => ({ ...good, dataplaneToken: undefined }), {}, 422, /^Dataplane Token is required/],
    ["another kind of proxy", () => ({ ...good, proxyType: "router" }), {}, 422, /proxyType "router"/],
    ["a resource that is no JSON", () => ({ ...good, dataplaneResource: "type: Dataplane" }), {}, 422, /not JSON/],
    [
      "a resource of another kind",
      () => ({ ...good, proxyType: "ingress" }),
      {},
      422,
      /is a Dataplane, but a proxy of type ingress needs a ZoneIngress/,
    ],
    [
      "a resource that is not valid",
      () => ({ ...good, dataplaneResource: brought({ networking: { address: "0.0.0.0" } }) }),
      {},
      422,
      /networking/,
    ],
    [
      "a name that is none",
      () => ({ ...good, dataplaneResource: brought({ name: "A_b" }) }),
      {},
      422,
      /^Resource is not valid: name: invalid characters/,
    ],
    [
      "a mesh that does not exist",
      () => ({ ...good, dataplaneResource: brought({ mesh: "other" }) }),
      {},
      422,
      /^Resource is not valid: mesh: mesh "other" does not exist$/,
    ],
    [
      "outbounds beside transparent proxying",
      () => {
        const networking = {
          transparentProxying: { redirectPortInbound: 15006, redirectPortOutbound: 15001 },
          outbound: [{ port: 1, tags: { "kuma.io/service": "x" } }],
        };
        return { ...good, dataplaneResource: JSON.stringify(dataplane("web-1", networking)) };
      },
      {},
      422,
      /outbound: should be empty since dataplane is in Transparent Proxying mode/,
    ],
    [
      "a host that the certificate does not carry",
      () => good,
      { host: "cp.example:5678" },
      400,
      /"cp\.example" address.*SANs localhost, 127\.0\.0\.1, ::1/,
    ],
    [
      "a mesh with a dot",
      () => ({ ...good, mesh: "my.mesh", dataplaneResource: brought({ mesh: "my.mesh" }) }),
      {},
      422,
      /^Resource is not valid: mesh: "my\.mesh" has a dot in its name, .* one of the mesh "my": rename the mesh$/,
    ],
    ["a CA that is none", () => ({ ...good, caCert: leafPem }), {}, 400, /basic constraint CA is false/],
    ["a CA that cannot be read", () => ({ ...good, caCert: "x" }), {}, 400, /cannot be read/],
    ["a body without end", () => `{"mesh": "${"a".repeat(1 << 20)}"}`, {}, 413, /larger than 1 MiB/],
  ];
  test.each(refusals)("%s is refused", async (_what, body, headers, status, text) => {
    said.length = 0;
    const answer = await post(body(), headers);
    expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(text)]);
    // Whoever looks at the control plane reads the same reason; of a body that could not be read there is none.
    if (answer.text !== "" && status !== 413) expect(said).toEqual([expect.objectContaining({ status, reason: answer.text })]);
  });

  test("nothing else is served", async () => {
    expect(await post(good, {}, "/other")).toMatchObject({ status: 404, text: "404 page not found\n" });
    expect(await post(good, {}, "/bootstrap?x=1")).toMatchObject({ status: 200 });
  });

  test("without authentication no token is asked for, and a stored dataplane needs no document", async () => {
    Object.assign(context, { authentication: { dataplanes: "none", zoneProxies: "none" } });
    expect(await post({ mesh: "default", name: "stored-1" })).toMatchObject({ status: 200 });
    Object.assign(context, { authentication: { dataplanes: "dpToken", zoneProxies: "zoneToken" } });
  });
});

describe("over IPv6", () => {
  const answerTo = async (host: string, address: string, part: Partial<BootstrapContext> = {}) => {
    const { certPem, keyPem } = await createServerCertificate({ names: ["cp.test", "::1", "2001:db8::7"], nowMs: Date.now() });
    using folder = scratchFolder();
    const [tlsCertFile, tlsKeyFile] = ["cert.pem", "key.pem"].map((file) => join(folder.path, file)) as [string, string];
    writeFileSync(tlsCertFile, certPem);
    writeFileSync(tlsKeyFile, keyPem);
    const { names } = (await configuredCertificate({ tlsCertFile, tlsKeyFile }, "general"))!;
    const resource = { type: "ZoneIngress", name: "in-1", networking: { address, port: 10001 } };
    const request = {
      proxyType: "ingress",
      name: "in-1",
      dataplaneToken: "a.b.c",
      dataplaneResource: JSON.stringify(resource),
      workdir: "/tmp",
    };
    const context = contextWith({ certificatePem: certPem, certificateNames: names, adminAddress: "", ...part });
    const { bootstrap } = answerBootstrap(parseBootstrapRequest(JSON.stringify(request))!, host, context);
    const made = parse(Buffer.from(bootstrap, "base64").toString("utf8"));
    await validateEnvoyConfig(made);
    return made;
  };

  test.each(["[::1]:5678", "[::1]", "[0:0:0:0:0:0:0:1]:5678", "[2001:DB8::7]:5678", "CP.test:5678"])(
    "%s is a name of the certificate, however either writes it",
    async (host) => expect(await answerTo(host, "2001:db8::9")).toBeDefined(),
  );

  test("another address is not", async () => {
    await expect(answerTo("[::2]:5678", "2001:db8::9")).rejects.toThrow('"::2" address, but the certificate');
  });

  test("the admin interface binds the loopback of the proxy's own family, or where the setting says", async () => {
    const adminOf = async (...args: Parameters<typeof answerTo>) => (await answerTo(...args)).admin.address.socketAddress.address;
    expect(await adminOf("cp.test", "2001:db8::9")).toBe("::1");
    expect(await adminOf("cp.test", "10.0.0.9")).toBe("127.0.0.1");
    expect(await adminOf("cp.test", "10.0.0.9", { adminAddress: "::1" })).toBe("::1");
  });
});
