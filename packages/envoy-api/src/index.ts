/**
 * The Envoy API, generated from the descriptor image in proto/envoy. Every .proto is a module of its own:
 *
 *     import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
 *
 * The registry of all types is apart (`@atoll/envoy-api/registry`), because it loads all of them.
 */
export { encodeAny, packedIn } from "./any.ts";
export { typeUrlOf, typeUrls } from "./type-urls.ts";
