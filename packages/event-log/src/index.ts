export { Backoff } from "./backoff.ts";
export { EmbeddedLog } from "./embedded-log.ts";
export type { EmbeddedLogOptions } from "./embedded-log.ts";
export { archiveFileLines } from "./archive-file.ts";
export { ArchiveError, archiveLines, checkArchive, restoreArchive } from "./log-archive.ts";
export type { ArchiveSummary } from "./log-archive.ts";
export { LogError, LogInUseError, maxAppendBytes, termOf, topicConfig, topics, withTerm } from "./event-log.ts";
export type {
  AppendOptions,
  CopyPosition,
  EventLog,
  LogErrorCode,
  LogRecord,
  MirrorLog,
  MirrorOptions,
  NewRecord,
  TopicConfig,
  TopicDescription,
  TopicPosition,
} from "./event-log.ts";
export { readFirstOf, withDirectRead } from "./direct-read.ts";
export type { DirectReadOptions } from "./direct-read.ts";
export { methodDefinition, serviceDefinition } from "./grpc-service.ts";
export { mirrorTopic } from "./mirror-topic.ts";
export type { MirrorTopicOptions } from "./mirror-topic.ts";
export { pause } from "./pause.ts";
export { spanTime, traceHeader, traceRecord, tracedAppend } from "./record-trace.ts";
export type { TraceContext } from "./record-trace.ts";
export { RelayLog } from "./relay-log.ts";
export type { RelayLogOptions } from "./relay-log.ts";
export { relayChannelOptions, RpcRefusal, toStatus } from "./relay-codec.ts";
export { addRelayService, relayServiceImplementation } from "./relay-service.ts";
export type { AccessPolicy, Authorize, Authorized, LogOperation, RelayOptions } from "./relay-service.ts";
