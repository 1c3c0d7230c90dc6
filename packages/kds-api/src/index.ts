export * from "../gen/atoll/kds/v1/kds_pb.js";
export * from "../gen/atoll/kds/v1/log_relay_pb.js";
