import { readdirSync, readFileSync } from "node:fs";
import { toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { typeUrlOf } from "@atoll/envoy-api";
import { translate } from "@atoll/translate";
import type { ProxyView } from "@atoll/view";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ViewEncoder } from "../src/view-encoder.ts";

// One resource at a time, and all of them at once, a template makes the same of them.
const folder = new URL("../../translate/testdata/in/", import.meta.url);
const cases = readdirSync(folder).flatMap((file) => {
  const read = parse(readFileSync(new URL(file, folder), "utf8")) as Partial<ProxyView>;
  const view = { mesh: "", name: "", zone: "", endpoints: [], routes: [], clusters: [], listeners: [], secrets: [], runtimes: [], ...read };
  return read.template ? [[file, view as unknown as ProxyView] as const] : [];
});

const bytesOf = <Desc extends DescMessage>(schema: Desc, messages: MessageShape<Desc>[], name: (message: never) => string) =>
  messages.map((message) => [`${typeUrlOf(schema)} ${name(message as never)}`, Buffer.from(toBinary(schema, message)).toString("hex")]);
const nameOf = ({ name }: { name: string }): string => name;

test.each(cases)("%s", (_, view) => {
  const { clusters, endpoints, listeners, routes } = translate(view);
  const expected = [
    ...bytesOf(ClusterSchema, clusters, nameOf),
    ...bytesOf(ClusterLoadAssignmentSchema, endpoints, ({ clusterName }: { clusterName: string }) => clusterName),
    ...bytesOf(ListenerSchema, listeners, nameOf),
    ...bytesOf(RouteConfigurationSchema, routes, nameOf),
  ];
  const encoder = new ViewEncoder();
  const made = encoder.encode({ ...view, runtimes: [] });
  expect(made.withheld).toEqual([]);
  const found = [...made.resources].flatMap(([typeUrl, byName]) =>
    [...byName].map(([name, { bytes }]) => [`${typeUrl} ${name}`, Buffer.from(bytes).toString("hex")]),
  );
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  expect(found).toHaveLength(expected.length);
});

test("a part and a template that several proxies have are made once, and what the template leaves alone is everybody's", () => {
  const [, view] = cases.find(([file]) => file === "proxy-patches.yaml")!;
  const encoder = new ViewEncoder();
  const [one, other] = [encoder.encode(view), encoder.encode({ ...view, name: "other", clusters: view.clusters.slice(0, 1) })];
  const listeners = (made: typeof one) => made.resources.get(typeUrlOf(ListenerSchema))!;
  for (const [name, resource] of listeners(one)) expect(listeners(other).get(name)).toBe(resource);
  const { template: _, ...plain } = view;
  const untouched = "localhost:8080";
  expect(one.resources.get(typeUrlOf(ClusterSchema))!.get(untouched)).toBe(
    encoder
      .encode(plain as ProxyView)
      .resources.get(typeUrlOf(ClusterSchema))!
      .get(untouched),
  );
});
