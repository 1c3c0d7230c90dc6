import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runCtl } from "../src/ctl/command.ts";

interface Installed {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: { type?: string; replicas?: number; template?: { spec: { containers: { image: string; args: string[] }[] } } };
  data?: Record<string, string>;
  webhooks?: { failurePolicy: string; clientConfig: { caBundle: string } }[];
}

async function install(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { code: 0, out: "", err: "" };
  const io = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    input: () => Promise.resolve("controlPlane: { logLevel: debug }"),
    now: () => new Date("2026-11-30T12:00:00Z"),
  };
  said.code = await runCtl(["install", ...args], io);
  return said;
}
const objectsOf = ({ out }: { out: string }) => parseAllDocuments(out).map((one) => one.toJS() as Installed);
const named = (objects: Installed[], kind: string, name: string) => objects.find((one) => one.kind === kind && one.metadata.name === name)!;

test("install control-plane prints a whole zone, what is needed first and what calls it last", async () => {
  const flags = [
    "--mode",
    "zone",
    "--zone",
    "east",
    "--kds-global-address",
    "grpcs://global:5685",
    "--ingress-enabled",
    "--egress-enabled",
  ];
  const more = [
    "--registry",
    "images.example",
    "--version",
    "9",
    "--env-var",
    "A=b",
    "--injector-failure-policy",
    "Ignore",
    "--ingress-use-node-port",
  ];
  const answer = await install("control-plane", "--without-kubernetes-connection", ...flags, ...more);
  expect(answer).toMatchObject({ code: 0, err: "" });
  const objects = objectsOf(answer);
  const kinds = [...new Set(objects.map(({ kind }) => kind))];
  expect(kinds[0]).toBe("Namespace");
  expect(kinds.indexOf("CustomResourceDefinition")).toBeLessThan(kinds.indexOf("Deployment"));
  expect(kinds.slice(-2)).toEqual(["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]);
  expect(objects.filter(({ kind }) => kind === "CustomResourceDefinition")).toHaveLength(49);
  const containers = (name: string) => named(objects, "Deployment", name).spec.template!.spec.containers;
  expect(containers("kuma-control-plane").map(({ args }) => args[1])).toEqual(["zone", "xds", "kubernetes"]);
  expect(containers("kuma-ingress")[0]!.image).toBe("images.example/atoll-dp:9");
  expect(containers("kuma-egress")).toHaveLength(1);
  expect(named(objects, "Service", "kuma-ingress").spec.type).toBe("NodePort");
  const secret = named(objects, "Secret", "kuma-tls-cert").data!;
  expect(Buffer.from(secret["tls.crt"]!, "base64").toString()).toMatch(/^-----BEGIN CERTIFICATE/);
  const { webhooks } = named(objects, "MutatingWebhookConfiguration", "kuma-admission-mutating-webhook-configuration");
  expect(webhooks!.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(webhooks!.map(() => secret["ca.crt"]));
  expect(webhooks!.at(-1)!.failurePolicy).toBe("Ignore");
}, 60_000);

test("values come from flags, then files, then --set; what has no effect is said", async () => {
  using folder = scratchFolder();
  const file = join(folder.path, "values.yaml");
  writeFileSync(file, "controlPlane: { mode: global, logLevel: warn }\ncni: { enabled: true }\n");
  const answer = await install(
    "control-plane",
    "--without-kubernetes-connection",
    ...["--namespace", "mesh", "--mode", "zone", "-f", file, "-f", "-", "--set", "controlPlane.minReadySeconds=3"],
    ...["--skip-kinds", "CustomResourceDefinition"],
  );
  expect(answer.err).toBe("Warning: cni.enabled: pods redirect their traffic by an init container; there is no CNI plugin (no effect)\n");
  const deployment = named(objectsOf(answer), "Deployment", "kuma-control-plane");
  expect(deployment.metadata.namespace).toBe("mesh");
  expect(deployment.spec).toMatchObject({ minReadySeconds: 3 });
  expect(JSON.stringify(deployment)).toContain('{"name":"ATOLL_LOG_LEVEL","value":"debug"}');
  expect(deployment.spec.template!.spec.containers.map(({ args }) => args[1])).toEqual(["global", "tokens", "kubernetes"]);
}, 60_000);

test("install crds prints 49 definitions; --dump-values those of the chart", async () => {
  const answer = await install("crds");
  expect(new Set(objectsOf(answer).map(({ kind }) => kind))).toEqual(new Set(["CustomResourceDefinition"]));
  expect(objectsOf(answer)).toHaveLength(49);
  expect((await install("control-plane", "--dump-values")).out).toContain("kdsGlobalAddress");
}, 60_000);

test("what is wrong is said in a line", async () => {
  const refused = await install("control-plane", "--without-kubernetes-connection", "--mode", "global", "--zone", "x");
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.err).toBe(
    "Error: Failed to render helm template files: atoll/templates/control-plane.yaml: controlPlane.zone: only a zone has a name\n",
  );
  expect((await install("control-plane", "--without-kubernetes-connection", "-f", "/none.yaml")).err).toMatch(
    /^Error: open \/none.yaml: ENOENT/,
  );
}, 60_000);
