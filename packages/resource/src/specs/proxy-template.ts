import { need, string, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { selectors, tagMap } from "./common.ts";

const networkFilterMatch = message({ origin: string, name: string, listenerName: string, listenerTags: tagMap });

/** One of its members. `value` is YAML or JSON of the Envoy resource. */
const modification = message(
  {
    cluster: message({ match: message({ origin: string, name: string }), operation: need(string), value: string }),
    listener: message({ match: message({ origin: string, name: string, tags: tagMap }), operation: need(string), value: string }),
    networkFilter: message({ match: networkFilterMatch, operation: need(string), value: string }),
    httpFilter: message({ match: networkFilterMatch, operation: need(string), value: string }),
    virtualHost: message({
      match: message({ origin: string, name: string, routeConfigurationName: string }),
      operation: need(string),
      value: string,
    }),
  },
  [["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"]],
);
export type ProxyTemplateModification = Value<typeof modification>;

export const proxyTemplateSpec = message({
  selectors,
  conf: message({
    imports: list(string),
    resources: list(message({ name: need(string), version: need(string), resource: need(string) })),
    modifications: list(modification),
  }),
});
export type ProxyTemplateSpec = Value<typeof proxyTemplateSpec>;
