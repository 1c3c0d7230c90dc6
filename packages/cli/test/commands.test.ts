import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { type ControlPlane, ctlAt, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const timeout = (name: string, seconds: number, mesh = "default") => `type: Timeout
mesh: ${mesh}
name: ${name}
sources: [{match: {kuma.io/service: a}}]
destinations: [{match: {kuma.io/service: b}}]
conf: {connectTimeout: ${seconds}s}
`;

const file = (name: string, text: string) => {
  const path = join(plane.folder, name);
  writeFileSync(path, text);
  return path;
};

const done = (out = "") => ({ code: 0, out, err: "" });
const failed = (message: string) => ({ code: 1, out: "", err: `Error: ${message}\n` });
const withoutAges = (text: string) => text.replace(/\b(\d+[smhdy]|never)(?=\n)/g, "AGE");
const claimsOf = (token: string) =>
  token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as object);

test("apply takes a file, several documents, standard input and values, and says nothing when all is well", async () => {
  const { ctl, ctlWith } = plane;
  expect(await ctl("apply", "-f", file("a.yaml", timeout("a", 1)))).toEqual(done());
  expect(await ctl("apply", "-f", file("bc.yaml", `${timeout("b", 1)}---\n${timeout("c", 1)}---\n`))).toEqual(done());
  expect(await ctlWith(timeout("d", 1), "apply", "-f", "-")).toEqual(done());
  const template = timeout("{{ names.first }}", 1).replace("default", "{{mesh}}");
  expect(await ctl("apply", "-f", file("e.yaml", template), "--var", "mesh=default", "-v", "names.first=e")).toEqual(done());
  expect(await ctl("apply", "-f", file("f.json", JSON.stringify({ type: "Mesh", name: "f" })))).toEqual(done());
  const { out } = await ctl("get", "timeouts");
  expect(withoutAges(out)).toBe(`MESH      NAME   AGE
default   a      AGE
default   b      AGE
default   c      AGE
default   d      AGE
default   e      AGE
`);
});

test("apply warns of what is deprecated, and shows what a dry run would send without sending it", async () => {
  const { ctl } = plane;
  const deprecated =
    "type: MeshTimeout\nmesh: default\nname: mt\nspec:\n  targetRef: {kind: MeshService, name: web}\n  to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 5s}}]\n";
  expect(await ctl("apply", "-f", file("mt.yaml", deprecated))).toMatchObject({
    code: 0,
    out: "",
    err: /^Warning: MeshService value for 'targetRef.kind' is deprecated/,
  });
  expect(await ctl("apply", "-f", file("dry.yaml", `${timeout("dry", 1)}---\n${deprecated}`), "--dry-run")).toEqual(
    done(`creationTime: "0001-01-01T00:00:00Z"
mesh: default
modificationTime: "0001-01-01T00:00:00Z"
name: dry
type: Timeout
conf:
  connectTimeout: 1s
destinations:
- match:
    kuma.io/service: b
sources:
- match:
    kuma.io/service: a
---
creationTime: "0001-01-01T00:00:00Z"
mesh: default
modificationTime: "0001-01-01T00:00:00Z"
name: mt
spec:
  targetRef:
    kind: MeshService
    name: web
  to:
  - default:
      idleTimeout: 5s
    targetRef:
      kind: Mesh
type: MeshTimeout
`),
  );
  expect(await ctl("get", "timeout", "dry")).toEqual(failed("No resources found in default mesh"));
});

test.each([
  ["", "no resource(s) passed to apply"],
  ["type: Nope\nname: x", 'YAML contains invalid resource: invalid resource type "Nope"'],
  [
    "type: Timeout\nmesh: default\nname: x",
    "YAML contains invalid resource: sources: must have at least one element; destinations: must have at least one element; conf: has to be defined",
  ],
  [
    timeout("x", 1).replace("1s", "soon"),
    'YAML contains invalid resource: invalid Timeout object: "error unmarshaling JSON: while decoding JSON: bad Duration: time: invalid duration \\"soon\\""',
  ],
  [timeout("x", 1, "none"), "Failed to retrieve Mesh (Not found)"],
  [timeout("x", 1).replace("mesh: default\n", ""), "mesh: cannot be empty"],
  [
    "type: Mesh\nname: m\nmtls: {enabledBackend: x, backends: [{name: x, type: moon}]}",
    "Could not create a resource (Resource is not valid)\n* mtls.backends[0].type: could not find installed plugin for this type",
  ],
])("apply refuses %j", async (text, message) => {
  const path = file("bad.yaml", text);
  const place = text === "" ? "" : `\n  in ${path}, document 1, line 1: `;
  const { code, out, err } = await plane.ctl("apply", "-f", path);
  expect({ code, out, err }).toEqual({ code: 1, out: "", err: expect.stringMatching(/\n$/) });
  expect(err.startsWith(`Error: ${message}${place}`)).toBe(true);
});

test("apply names a source it can not read, and YAML it does not understand", async () => {
  const missing = join(plane.folder, "none.yaml");
  expect(await plane.ctl("apply", "-f", missing)).toEqual(
    failed(`error while reading provided file: open ${missing}: no such file or directory`),
  );
  expect(await plane.ctl("apply")).toEqual(failed('required flag(s) "file" not set'));
  const { code, err } = await plane.ctl("apply", "-f", file("bad.yaml", ": : :\n- a"));
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringMatching(/^Error: YAML contains invalid resource: invalid meta type: "error converting YAML to JSON: yaml: /),
  });
  expect((await plane.ctlWith("mesh: {{ m }}\ntype: Mesh", "apply", "-f", "-")).err).toMatch(
    /invalid map key: [^]*\n {2}in standard input\n$/,
  );
});

test("apply reads YAML as kumactl does: merge keys, yes and octal", async () => {
  const text = `type: Mesh
name: yaml
x-base: &base {path: /dev/null, deep: 010}
logging:
  backends: [{name: one, type: file, conf: {<<: *base, shown: yes}}]
`;
  const { out } = await plane.ctl("apply", "--dry-run", "-f", file("yaml.yaml", text));
  expect(out).toContain("  - conf:\n      deep: 8\n      path: /dev/null\n      shown: true\n");
  // Of kinds with a schema, a mesh that is not named is the default one.
  const nowhere = file(
    "nowhere.yaml",
    "type: MeshTimeout\nname: mt\nspec: {to: [{targetRef: {kind: Mesh}, default: {idleTimeout: 5s}}]}\n",
  );
  expect((await plane.ctl("apply", "--dry-run", "-f", nowhere)).out).toContain("\nmesh: default\n");
  // The end of the last line is no part of a document, and what is stored beside is the control plane's.
  const ends =
    "type: Mesh\nname: a\nmetrics: {backends: [{name: p, type: prometheus}]}\n---\ntype: Secret\nmesh: a\nname: s\ndata: |\n  YQ==\n---\n";
  const shown = (await plane.ctl("apply", "--dry-run", "-f", file("ends.yaml", ends))).out;
  expect(shown).toContain("  backends:\n  - name: p\n    type: prometheus\n");
  expect(shown).toContain("data: YQ==\n");
});

test("apply says which document of which file is wrong, and where its source is none", async () => {
  const { ctl, folder } = plane;
  const path = file("several.yaml", `# head\n---\n${timeout("fine", 1)}---\n---\n${timeout("far", 1, "none")}`);
  expect(await ctl("apply", "-f", path)).toEqual(
    failed(`Failed to retrieve Mesh (Not found)\n  in ${path}, document 2, line 11: Timeout none/far`),
  );
  expect((await ctl("apply", "--atomic", "-f", path)).err).toContain(`several.yaml, document 2, line 11: Timeout none/far`);
  const torn = file("torn.yaml", `${timeout("fine", 1)}---\na: b: c\n`);
  expect((await ctl("apply", "-f", torn)).err).toMatch(/yaml: line 8, column 4: [^\n]*\n {2}in .*torn\.yaml\n$/);
  expect((await ctl("apply", "-f", torn, "-v", "a=1,b")).err).toMatch(/line 8, column 4/);
  expect(await ctl("apply", "-f", folder)).toEqual(failed(`error while reading provided file: read ${folder}: is a directory`));
  expect((await ctl("apply", "-f", "http://127.0.0.1:65001/x.yaml")).err).toBe(
    "Error: error with GET http request: http://127.0.0.1:65001/x.yaml: connection refused: nothing listens there (ECONNREFUSED 127.0.0.1:65001)\n",
  );
});

test("get shows tables, YAML and JSON, pages, and what is not there", async () => {
  const { ctl } = plane;
  await ctl("apply", "-f", file("page.yaml", ["p1", "p2"].map((name) => timeout(name, 1, "f")).join("---\n")));
  expect(withoutAges((await ctl("get", "meshes")).out)).toBe(`NAME      mTLS   LOCALITY   ZONEEGRESS   AGE
default   off    off        off          AGE
f         off    off        off          AGE
`);
  expect(withoutAges((await ctl("get", "timeouts", "-m", "f", "--size", "1")).out)).toBe(
    "MESH   NAME   AGE\nf      p1     AGE\n\nRerun command with --offset=1 argument to retrieve more resources\n",
  );
  const yaml = (await ctl("get", "timeout", "p1", "-m", "f", "-o", "yaml")).out.replaceAll(/"20.*Z"/g, '"TIME"');
  expect(yaml).toBe(`creationTime: "TIME"
labels:
  kuma.io/mesh: f
mesh: f
modificationTime: "TIME"
name: p1
type: Timeout
conf:
  connectTimeout: 1s
destinations:
- match:
    kuma.io/service: b
sources:
- match:
    kuma.io/service: a
`);
  const listed = JSON.parse((await ctl("get", "timeouts", "-m", "f", "-o", "json")).out) as { total: number; items: { name: string }[] };
  expect(listed).toMatchObject({ total: 2, items: [{ name: "p1" }, { name: "p2" }], next: null });
  expect((await ctl("get", "timeouts", "-m", "f", "-o", "yaml")).out).toMatch(/^items:\n- conf:\n[\s\S]*\nnext: null\ntotal: 2\n$/);
  expect(await ctl("get", "mesh", "no")).toEqual(failed("No resources found"));
  expect(await ctl("get", "timeouts", "-m", "no")).toEqual(failed("Failed to retrieve Mesh (Not found)"));
  expect(await ctl("get", "timeouts", "-o", "xml")).toEqual(failed('unknown output format "xml"'));
  expect(await ctl("get", "timeouts", "--size", "1001")).toEqual(
    failed("Could not retrieve resources (Invalid page size)\n* size: invalid page size of 1001. Maximum page size is 1000"),
  );
  expect((await ctl("get", "nope")).err).toMatch(/^Error: unknown TYPE: nope\. Allowed values: circuit-breaker, dataplane, /);
});

test("delete says what it deleted, and why it did not", async () => {
  const { ctl } = plane;
  await ctl("apply", "-f", file("x.yaml", timeout("x", 1)));
  expect(await ctl("delete", "timeout", "x")).toEqual(done('deleted Timeout "x"\n'));
  expect(await ctl("delete", "timeout", "x")).toEqual(failed('there is no Timeout with name "x"'));
  expect((await ctl("delete", "nope", "x")).err).toContain("unknown TYPE: nope.");
  expect((await ctl("delete", "dataplane", "x")).err).toMatch(/^Error: Method not allowed \(On global control plane/);
});

test("inspect lists meshes and services, and where policies act", async () => {
  const { ctl } = plane;
  expect((await ctl("inspect", "meshes")).out.split("\n")[0]).toMatch(/^MESH +DATAPLANES +TRAFFIC PERMISSIONS +TRAFFIC ROUTES +/);
  expect(await ctl("inspect", "services")).toEqual(done("SERVICE   STATUS   DATAPLANES\n"));
  expect((await ctl("inspect", "zones")).out).toMatch(/^NAME {3}STATUS {3}LAST CONNECTED AGO/);
  expect(await ctl("inspect", "timeout", "a")).toEqual(done("Affected data plane proxies:\n\n"));
  expect(await ctl("inspect", "timeout", "a", "--new-api")).toEqual(done("Type   Mesh   Name\n\nTotal: 0\n"));
  expect(await ctl("inspect", "dataplane", "no")).toEqual(failed("Could not get MatchedPolicies (Not found)"));
  expect(await ctl("inspect", "dataplane", "no", "--type", "moon")).toEqual(failed("invalid inspection type"));
  expect(await ctl("inspect", "dataplane", "no", "--explain")).toEqual(failed("Could not get dataplane resource (Not found)"));
  expect(await ctl("inspect", "dataplane", "no", "--only", "x")).toEqual(failed("flag '--only' can be used only with '--explain'"));
  expect(await ctl("inspect", "dataplane", "no", "--shadow")).toEqual(failed("flag '--shadow' can be used only when '--type=config'"));
  expect((await ctl("inspect", "dataplanes", "-o", "json")).out).toBe('{\n  "total": 0,\n  "items": [],\n  "next": null\n}\n');
  expect(await ctl("inspect", "dataplanes", "-m", "no")).toEqual(failed("Failed to retrieve Mesh (Not found)"));
});

test("generate makes tokens by the control plane or by a key of one's own", async () => {
  const { ctl } = plane;
  const dataplane = await ctl("generate", "dataplane-token", "--name", "a", "--tag", "kuma.io/service=web,api", "--valid-for", "24h");
  expect(dataplane).toMatchObject({ code: 0, err: "" });
  expect(claimsOf(dataplane.out)).toMatchObject([
    { alg: "RS256", kid: "1", typ: "JWT" },
    { Name: "a", Mesh: "default", Tags: { "kuma.io/service": ["api", "web"] }, Type: "" },
  ]);
  const zone = await ctl("generate", "zone-token", "--zone", "z", "--valid-for", "24h");
  expect(claimsOf(zone.out)[1]).toMatchObject({ Zone: "z", Scope: ["ingress", "egress"] });
  const cp = await ctl("generate", "zone-token", "--zone", "z", "--scope", "cp", "--valid-for", "24h");
  expect(claimsOf(cp.out)[1]).toMatchObject({ Scope: ["cp"] });
  const user = await ctl("generate", "user-token", "--name", "u", "--group", "a", "--group", "b,c", "--valid-for", "1h");
  expect(claimsOf(user.out)[1]).toMatchObject({ Name: "u", Groups: ["a", "b", "c"] });

  const key = file("key.pem", (await ctl("generate", "signing-key", "--format", "pem")).out);
  const publicKey = (await ctl("generate", "public-key", "--signing-key-path", key)).out;
  expect(publicKey).toBe(createPublicKey(readFileSync(key, "utf8")).export({ type: "pkcs1", format: "pem" }));
  const offline = ["generate", "user-token", "--name", "u", "--valid-for", "1h", "--signing-key-path", key];
  expect(claimsOf((await ctl(...offline, "--kid", "7")).out)).toMatchObject([
    { kid: "7" },
    { Name: "u", Groups: null, exp: 1_893_459_600 },
  ]);
  expect(await ctl(...offline)).toEqual(failed("--kid is required when --signing-key-path is used"));

  expect(await ctl("generate", "dataplane-token", "--name", "a")).toEqual(failed('required flag(s) "valid-for" not set'));
  expect(await ctl("generate", "zone-token")).toEqual(failed('required flag(s) "valid-for", "zone" not set'));
  expect(await ctl("generate", "zone-token", "--zone", "z", "--scope", "x", "--valid-for", "1h")).toEqual(
    failed("invalid --scope values: [x] (supported scopes: [ingress egress cp])"),
  );
  expect((await ctl("generate", "dataplane-token", "--mesh", "no", "--valid-for", "1h")).err).toMatch(/^Error: Signing Key not found \(/);
  expect((await ctl("generate", "user-token", "--name", "u", "--valid-for", "soon")).code).toBe(1);
  expect(Buffer.from((await ctl("generate", "signing-key")).out, "base64").toString()).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
  expect(await ctl("generate", "signing-key", "--format", "x")).toEqual(failed("invalid format"));
});

test("certificates for servers and clients", async () => {
  const { ctl, folder } = plane;
  const [keyFile, certFile] = [join(folder, "tls.key"), join(folder, "tls.crt")];
  const generate = ["generate", "tls-certificate", "--key-file", keyFile, "--cert-file", certFile];
  const server = await ctl(...generate, "--type", "server", "--hostname", "cp.test,10.0.0.1", "--hostname", "localhost");
  expect(server).toEqual(done(`Private key saved in ${keyFile}\nCertificate saved in ${certFile}\n`));
  const certificate = new X509Certificate(readFileSync(certFile));
  expect(certificate.subjectAltName).toBe("DNS:cp.test, IP Address:10.0.0.1, DNS:localhost");
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))).toBe(true);
  expect(statSync(keyFile).mode & 0o777).toBe(0o400);

  const piped = ["generate", "tls-certificate", "--hostname", "a", "--key-file", "-", "--cert-file", "-"];
  const client = await ctl(...piped, "--type", "client", "--key-type", "ecdsa");
  expect(client.out).toMatch(/^-----BEGIN PRIVATE KEY-----[^]*-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----/);
  expect(await ctl("generate", "tls-certificate")).toEqual(failed('required flag(s) "hostname", "type" not set'));
  expect(await ctl(...piped, "--type", "x")).toEqual(failed('invalid certificate type "x"'));
  expect(await ctl(...piped, "--type", "server", "--key-type", "x")).toEqual(failed('invalid key type "x"'));
  const elsewhere = [...piped, "--type", "server", "--key-file", join(folder, "absent", "key.pem")];
  expect((await ctl(...elsewhere)).err).toMatch(/^Error: could not write the key file: ENOENT/);
});

test("an export can be applied elsewhere, and is the same there", async () => {
  const { ctl } = plane;
  const { code, out } = await ctl("export", "--profile", "federation-with-policies");
  expect(code).toBe(0);
  expect(out).toMatch(/^# Product: Kuma, Version: 2\.10\.11, Hostname: /);
  const documents = parseAllDocuments(out.replace(/^#.*\n/, "")).map((document) => document.toJS() as { type: string; name: string });
  const types = documents.map(({ type }) => type);
  expect(types.slice(0, 2)).toEqual(["Mesh", "Mesh"]);
  expect(types).toContain("MeshTimeout");
  expect(documents.at(-1)?.name).toBe("user-token-signing-key-1");
  const other = await startControlPlane();
  try {
    const path = join(plane.folder, "export.yaml");
    writeFileSync(path, out.replace(/^#.*\n/, ""));
    expect(await other.ctl("apply", "-f", path)).toMatchObject({ code: 0, out: "" });
    const compared = (text: string) =>
      text
        .replace(/^#.*\n/, "")
        .replaceAll(/"20[^"]*Z"/g, "TIME")
        .replaceAll(/^ {2}kuma.io\/mesh.*\nmesh/gm, "mesh");
    const again = (await other.ctl("export", "--profile", "federation-with-policies")).out;
    expect(compared(again).replaceAll("labels:\n", "").length).toBeGreaterThan(0);
    const names = (text: string) => parseAllDocuments(text.replace(/^#.*\n/, "")).map((each) => (each.toJS() as { name: string }).name);
    expect(names(again)).toEqual(names(out));
  } finally {
    await other.close();
  }
  expect((await ctl("export", "--profile", "federation")).out).not.toContain("type: MeshTimeout");
  expect((await ctl("export", "--profile", "all")).out).not.toContain("type: Secret");
  expect((await ctl("export", "--format", "kubernetes")).out).toContain("apiVersion: kuma.io/v1alpha1");
  expect((await ctl("export", "--profile", "x")).err).toBe('Error: invalid profile: "x"\n');
  expect((await ctl("export", "--format", "x")).err).toBe('Error: invalid format: "x"\n');
});

test("a command that only holds others shows them; older flags and wrong levels are known", async () => {
  const { ctl } = plane;
  for (const group of [[], ["generate"], ["config", "control-planes"], ["inspect"]]) {
    expect(await ctl(...group)).toMatchObject({ code: 0, err: "", out: expect.stringContaining("Commands:\n") });
    expect(await ctl(...group, "moon")).toEqual(failed("unknown command 'moon'"));
  }
  expect((await ctl("--log-level", "loud", "get", "meshes")).code).toBe(1);
  const { out } = await ctl("generate", "dataplane-token", "--valid-for", "1h", "--type=ingress");
  expect(claimsOf(out)[1]).toMatchObject({ Type: "ingress" });
  expect((await ctl("inspect", "dataplanes", "--ingress")).code).toBe(0);
  expect(await ctl("generate", "public-key", "--signing-key-path", plane.folder)).toEqual(
    failed(`could not read a signing key file: read ${plane.folder}: is a directory`),
  );
});

test("version, help and what is not understood", async () => {
  const { ctl } = plane;
  expect(await ctl("version")).toEqual(done("Client: Atoll 0.1.0\nServer: Kuma 2.10.11\n"));
  expect((await ctl("version", "--detailed")).out).toContain('   "product": "Kuma"');
  expect(await ctlAt("http://127.0.0.1:1", ["version"])).toMatchObject({ code: 0, err: /^Unable to connect to control plane: / });
  expect(await ctlAt("http://127.0.0.1:1", ["get", "meshes"])).toMatchObject({
    code: 1,
    err: /^Error: cannot reach http:\/\/127\.0\.0\.1:1: /,
  });
  expect(await ctl("nope")).toMatchObject({ code: 1, err: "Error: unknown command 'nope'\n" });
  expect(await ctl("apply", "--nope")).toMatchObject({ code: 1, err: "Error: unknown option '--nope'\n" });
  expect(await ctl("--help")).toMatchObject({ code: 0, out: /Examples:\n {2}atollctl config/ });
});

test("config remembers control planes and their credentials, readable by their owner only", async () => {
  const path = join(plane.folder, "ctl", "config");
  const config = (...args: string[]) => ctlAt(plane.url, ["--config-file", path, "config", ...args]);
  const add = (name: string, address: string, ...more: string[]) =>
    config("control-planes", "add", "--name", name, "--address", address, ...more);
  expect(await add("one", plane.url)).toEqual(done('added Control Plane "one"\nswitched active Control Plane to "one"\n'));
  expect(await add("one", plane.url)).toEqual(
    failed('Control Plane with name "one" already exists. Use --overwrite to replace an existing one.'),
  );
  expect((await add("two", plane.url, "--auth-type", "tokens", "--auth-conf", "token=a.b.c", "--headers", "x=1")).code).toBe(0);
  expect((await config("control-planes", "list")).out).toBe(`ACTIVE   NAME    ADDRESS
         local   http://localhost:5681
         one     ${plane.url}
*        two     ${plane.url}
`);
  expect((await config("view")).out).toContain("authConf:\n        token: a.b.c\n      authType: tokens\n      headers:\n      - key: x\n");
  expect(await config("control-planes", "switch", "--name", "one")).toEqual(done('switched active Control Plane to "one"\n'));
  expect(await config("control-planes", "switch", "--name", "no")).toEqual(failed('there is no Control Plane with name "no"'));
  expect((await config("control-planes", "remove", "--name", "two")).out).toContain('removed Control Plane "two"\n');
  expect(await config("control-planes", "remove", "--name", "two")).toEqual(failed('there is no Control Plane with name "two"'));
  expect(await config("control-planes", "add")).toEqual(failed('required flag(s) "name" not set'));
  expect(await add("x", "foo")).toEqual(failed('API Server URL is invalid: parse "foo": invalid URI for request'));
  expect((await add("x", "http://127.0.0.1:1")).err).toMatch(/^Error: could not connect to the Control Plane API Server: /);
  expect((await add("x", plane.url, "--auth-type", "ldap")).err).toBe('Error: authentication plugin of type "ldap" is not found\n');
  expect(existsSync(path)).toBe(true);
});
