import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { envoyRegistry } from "./envoy-registry.ts";
import { nativeAny, nativeMessage } from "./native-json.ts";
import { messageFault } from "./envoy-demands.ts";

const schemas = {
  cluster: ClusterSchema,
  listener: ListenerSchema,
  networkFilter: FilterSchema,
  httpFilter: HttpFilterSchema,
  virtualHost: VirtualHostSchema,
} satisfies Record<string, DescMessage>;

/** What a text of a ProxyTemplate is of: the value of a modification, or a `resource` that names its own type. */
export type NativeTarget = keyof typeof schemas | "resource";

/** Why a value is no such thing of Envoy's; undefined if it is one. A `patch` need not be whole. */
export function nativeFault(target: NativeTarget, value: unknown, patch: boolean): string | undefined {
  try {
    if (target !== "resource") {
      const message = nativeMessage(schemas[target], value as JsonValue);
      return patch ? undefined : messageFault<DescMessage>(schemas[target], message);
    }
    const any = nativeAny(value as JsonValue);
    const schema = envoyRegistry().registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1))!;
    return messageFault(schema, fromBinary(schema, any.value));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
