import { create } from "@bufbuild/protobuf";
import { AnswerFormat, QuerySchema } from "@atoll/kds-api";
import type { Query } from "@atoll/kds-api";
import type { FleetQuestion } from "@atoll/resource";

/** What global (or a zone's sync service) asks about one proxy, or about all that a server serves. */
export type ZoneQuery = ProxyQuery | { subject: "fleet"; question: FleetQuestion };

export type ProxyQuery = { proxy: { type: string; mesh: string; name: string } } & (
  | { subject: "config-dump"; includeEds: boolean }
  /** With `revision` as the configuration was then, and the proxy is now. */
  | { subject: "explain"; revision?: number }
  /** What is made for it; with `shadow` as if policies that are only there to be looked at acted. */
  | { subject: "config"; shadow: boolean; revision?: number }
  | { subject: "stats" | "clusters"; format: "text" | "json" }
);

/** How long whoever asks waits, in milliseconds. All views of a zone take longer than the answer of one Envoy. */
export const timeoutOf = ({ subject }: ZoneQuery): number => (subject === "fleet" ? 60_000 : 10_000);

export type QueryErrorCode =
  /** The zone is not connected. */
  | "offline"
  | "timeout"
  /** The zone answered that it cannot. */
  | "failed";

export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly code: QueryErrorCode;
  constructor(code: QueryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function encodeQuery(requestId: string, query: ZoneQuery, timeoutMs: number): Query {
  const asked = { requestId, timeoutMs: BigInt(timeoutMs) };
  if (query.subject === "fleet") {
    return create(QuerySchema, { ...asked, subject: { case: "fleet", value: { question: JSON.stringify(query.question) } } });
  }
  const base = { ...asked, proxy: query.proxy };
  if (query.subject === "config-dump") {
    return create(QuerySchema, { ...base, subject: { case: "configDump", value: { includeEds: query.includeEds } } });
  }
  if (query.subject === "explain" || query.subject === "config") {
    const then = query.revision === undefined ? {} : { revision: BigInt(query.revision) };
    if (query.subject === "explain") return create(QuerySchema, { ...base, subject: { case: "explain", value: then } });
    return create(QuerySchema, { ...base, subject: { case: "config", value: { shadow: query.shadow, ...then } } });
  }
  const format = query.format === "json" ? AnswerFormat.JSON : AnswerFormat.TEXT;
  return create(QuerySchema, { ...base, subject: { case: query.subject, value: { format } } });
}

/** Undefined for a subject this version does not know. */
export function decodeQuery({ proxy, subject }: Query): ZoneQuery | undefined {
  if (subject.case === "fleet") return { subject: "fleet", question: JSON.parse(subject.value.question) as FleetQuestion };
  const { type = "", mesh = "", name = "" } = proxy ?? {};
  const of = { proxy: { type, mesh, name } };
  if (subject.case === "configDump") return { ...of, subject: "config-dump", includeEds: subject.value.includeEds };
  if (subject.case === "explain" || subject.case === "config") {
    const { revision } = subject.value;
    const then = revision === undefined ? {} : { revision: Number(revision) };
    return subject.case === "explain"
      ? { ...of, subject: "explain", ...then }
      : { ...of, subject: "config", shadow: subject.value.shadow, ...then };
  }
  if (subject.case === undefined) return undefined;
  return { ...of, subject: subject.case, format: subject.value.format === AnswerFormat.JSON ? "json" : "text" };
}
