import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { RuntimeSchema } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import type { Runtime } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import type { ProxyView } from "@atoll/view";
import { translateCluster } from "./cluster.ts";
import { translateEndpoints } from "./endpoint.ts";
import type { EnvoyResources } from "./envoy-resources.ts";
import { translateListener } from "./listener.ts";
import { applyProxyTemplate } from "./proxy-template.ts";
import { translateRoutes } from "./route.ts";

export type Translate = (view: ProxyView) => EnvoyResources;

/**
 * A `translate` that remembers what it made of each part of a view: the same object in gives the same message out, so what many proxies
 * share is made once, and its bytes can be kept by the identity of the message. What no view holds any more is forgotten.
 */
export function createTranslator(): Translate {
  const clusters = remember(translateCluster);
  const endpoints = remember(translateEndpoints);
  const routes = remember(translateRoutes);
  const listeners = remember((view: ProxyView["listeners"][number]) => translateListener(view, routes));
  const runtimes = remember(translateRuntime);
  return (view) => {
    const resources: EnvoyResources = {
      clusters: view.clusters.map(clusters),
      endpoints: view.endpoints.map(endpoints),
      listeners: view.listeners.map(listeners),
      routes: view.routes.map(routes),
      runtimes: view.runtimes.map(runtimes),
    };
    return view.template ? applyProxyTemplate(resources, view.template, view.kind) : resources;
  };
}

/** One part of a view at a time, for those who keep something else than messages by it. A view with a template has to be translated whole. */
export const translatePart = {
  cluster: translateCluster,
  endpoints: translateEndpoints,
  listener: (view: ProxyView["listeners"][number]) => translateListener(view, translateRoutes),
  routes: translateRoutes,
  runtime: translateRuntime,
};

/** The Envoy resources that do what the view says. Pure, and total for every view that the `view` package builds. */
export function translate(view: ProxyView): EnvoyResources {
  return createTranslator()(view);
}

function translateRuntime({ name, values }: ProxyView["runtimes"][number]): Runtime {
  return create(RuntimeSchema, { name, layer: values as JsonObject });
}

function remember<In extends object, Out>(make: (input: In) => Out): (input: In) => Out {
  const made = new WeakMap<In, Out>();
  return (input) => {
    let output = made.get(input);
    if (output === undefined) {
      output = make(input);
      made.set(input, output);
    }
    return output;
  };
}
