import { join } from "node:path";
import { type KubernetesObject, readObject } from "@atoll/kubernetes";
import { golden, type PemPair, selfSignedPair } from "@atoll/testkit";
import { expect, test } from "vitest";
import type { Controller, Desired } from "../src/controller.ts";
import { copiedSecretController } from "../src/gateway-api/copied-secret-controller.ts";
import { gatewayClassController } from "../src/gateway-api/gateway-class-controller.ts";
import { gatewayController } from "../src/gateway-api/gateway-controller.ts";
import { httpRouteController } from "../src/gateway-api/http-route-controller.ts";
import { ownedByLabel, ownerAnnotations, ownerLabels } from "../src/gateway-api/owner-label.ts";
import { clusterOf } from "./cluster-of.ts";

const now = () => new Date("2026-11-30T12:00:00Z");
const systemNamespace = "kuma-system";
const controllers = {
  classes: gatewayClassController({ now }),
  gateways: gatewayController({ now }),
  routes: httpRouteController({ now, systemNamespace, zone: "zone-1" }),
  secrets: copiedSecretController({ systemNamespace }),
};

const base64 = (text: string) => Buffer.from(text).toString("base64");
const tlsData = ({ certificatePem, privateKeyPem }: PemPair) => ({ "tls.crt": base64(certificatePem), "tls.key": base64(privateKeyPem) });

function reconcileAll(controller: Controller, objects: KubernetesObject[]): Record<string, Desired | null> {
  const cluster = clusterOf(objects);
  const reconciled = objects.filter(({ kind }) => kind === controller.reconciles.kind);
  return Object.fromEntries(
    reconciled.map((object) => [
      [object.metadata.namespace, object.metadata.name].join("/"),
      controller.reconcile(object, cluster) ?? null,
    ]),
  );
}

/** Cases reconcile every object; a Secret of type kubernetes.io/tls without data has a certificate, which no output shows. */
golden(join(import.meta.dirname, "../testdata/gateway-api"), ({ objects }: { objects: KubernetesObject[] }) => {
  const pair = selfSignedPair(["gateway.example"]);
  const filled = objects.map((object) =>
    object.kind === "Secret" && object.data === undefined ? { ...object, data: tlsData(pair) } : object,
  );
  const value = base64(pair.privateKeyPem + pair.certificatePem);
  const outputs: Record<string, unknown> = {};
  for (const [name, controller] of Object.entries(controllers)) {
    const desired = reconcileAll(controller, filled);
    for (const object of Object.values(desired).flatMap((one) => one?.objects ?? [])) {
      expect(readObject(object) ?? {}, `${object.kind} ${object.metadata.name} as REST checks it`).not.toHaveProperty("violations");
      expect(readObject(object) ?? {}).not.toHaveProperty("parseError");
    }
    if (Object.keys(desired).length > 0)
      outputs[`${name}.yaml`] = JSON.parse(JSON.stringify(desired).replaceAll(value, "<key, certificate>"));
  }
  return outputs;
});

test("what is made in another namespace says whose it is, also when that is longer than a label", () => {
  const kind = controllers.routes.owns[0]!.kind;
  const ofOwner = (name: string): KubernetesObject => {
    const key = { namespace: "demo", name };
    return {
      apiVersion: "kuma.io/v1alpha1",
      kind: kind.kind,
      metadata: { name: "made", labels: ownerLabels(key), ...ownerAnnotations(key) },
    };
  };
  // The value that Kuma's label has for it.
  expect(ownerLabels({ namespace: "demo", name: "edge" })).toEqual({
    "gateways.kuma.io/gateway.networking.k8s.io-owner": "demo_edge-d2bf2ce3",
  });
  for (const name of ["edge", "an-edge", "x".repeat(200)])
    expect(ownedByLabel(kind).ownerOf(ofOwner(name))).toEqual({ namespace: "demo", name });
  const { metadata, ...rest } = ofOwner("x".repeat(200));
  expect(ownedByLabel(kind).ownerOf({ ...rest, metadata: { name: metadata.name, labels: metadata.labels ?? {} } })).toBeUndefined();
  expect(ownedByLabel(kind).ownerOf({ ...rest, metadata: { name: "users" } })).toBeUndefined();
});

test("a Secret that is no key pair leaves the copy as it is", () => {
  const [classOf, gateway, secret] = tlsObjects({ "tls.crt": base64("no certificate"), "tls.key": base64("no key") });
  expect(reconcileAll(controllers.secrets, [classOf!, gateway!, secret!])).toEqual({ "demo/pair": null });
  const [, listener] = Object.values(reconcileAll(controllers.gateways, [classOf!, gateway!, secret!]));
  expect(listener).toBeUndefined();
  expect(JSON.stringify(reconcileAll(controllers.gateways, [classOf!, gateway!, secret!]))).toContain('"message":"malformed secret"');
});

test("a copy goes with the last Gateway that refers to its Secret", () => {
  const [classOf, gateway, secret] = tlsObjects(tlsData(selfSignedPair()));
  const names = (objects: KubernetesObject[]) =>
    reconcileAll(controllers.secrets, objects)["demo/pair"]?.objects.map(({ metadata }) => metadata.name);
  expect(names([classOf!, gateway!, secret!])).toEqual(["gapi-demo-pair"]);
  expect(names([classOf!, secret!])).toEqual([]);
});

test("Gateways of two meshes that refer to one Secret have a copy each", () => {
  const [classOf, gateway, secret] = tlsObjects(tlsData(selfSignedPair()));
  const other = {
    ...gateway!,
    metadata: { ...gateway!.metadata, name: "younger", creationTimestamp: "2026-01-02T00:00:00Z", labels: { "kuma.io/mesh": "b" } },
  };
  const objects = [classOf!, other, gateway!, secret!];
  const copies = reconcileAll(controllers.secrets, objects)["demo/pair"]?.objects.map(({ metadata }) => [
    metadata.name,
    metadata.labels?.["kuma.io/mesh"],
  ]);
  expect(copies).toEqual([
    ["gapi-demo-pair", "default"],
    ["gapi-demo-pair-b", "b"],
  ]);
  const used = Object.values(reconcileAll(controllers.gateways, objects)).map((desired) => JSON.stringify(desired?.objects));
  expect(used[0]).toContain('"gapi-demo-pair-b"');
  expect(used[1]).toContain('"gapi-demo-pair"');
});

function tlsObjects(data: Record<string, string>): KubernetesObject[] {
  const apiVersion = "gateway.networking.k8s.io/v1";
  return [
    { apiVersion, kind: "GatewayClass", metadata: { name: "kuma" }, spec: { controllerName: "gateways.kuma.io/controller" } },
    {
      apiVersion,
      kind: "Gateway",
      metadata: { name: "older", namespace: "demo", creationTimestamp: "2026-01-01T00:00:00Z" },
      spec: {
        gatewayClassName: "kuma",
        listeners: [
          { name: "https", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ group: "", kind: "Secret", name: "pair" }] } },
        ],
      },
    },
    { apiVersion: "v1", kind: "Secret", metadata: { name: "pair", namespace: "demo" }, type: "kubernetes.io/tls", data },
  ];
}
