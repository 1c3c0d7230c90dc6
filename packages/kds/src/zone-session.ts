import { create } from "@bufbuild/protobuf";
import { RpcRefusal, toStatus } from "@atoll/event-log";
import { SessionDownSchema } from "@atoll/kds-api";
import type { Answer, Hello, SessionDown, SessionUp } from "@atoll/kds-api";
import { status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { encodeHeartbeat } from "./heartbeat.ts";
import type { Heartbeat, Progress } from "./heartbeat.ts";
import { encodeQuery, QueryError, timeoutOf } from "./proxy-query.ts";
import type { ZoneQuery } from "./proxy-query.ts";

interface OpenQuery {
  resolve(body: Uint8Array): void;
  reject(error: QueryError): void;
  timer: NodeJS.Timeout;
}

/** The server's end of one connected zone instance. */
export class ZoneSession {
  readonly zone: string;
  readonly instanceId: string;
  readonly version: string;
  readonly openedAtMs: number;
  /** The last one the zone sent. */
  heartbeat: Heartbeat | undefined;

  private readonly call: ServerDuplexStream<SessionUp, SessionDown>;
  private readonly queries = new Map<string, OpenQuery>();
  private lastQuery = 0;
  private ended = false;

  constructor(zone: string, hello: Hello, call: ServerDuplexStream<SessionUp, SessionDown>, openedAtMs: number) {
    this.zone = zone;
    this.instanceId = hello.instanceId;
    this.version = hello.version;
    this.call = call;
    this.openedAtMs = openedAtMs;
  }

  /** Tells the zone now how far this side is. */
  beat(progress: Progress): void {
    if (!this.ended)
      this.call.write(create(SessionDownSchema, { message: { case: "heartbeat", value: encodeHeartbeat(progress, Date.now()) } }));
  }

  /** Asks the zone; many questions may be open at once. Rejects with `QueryError`. */
  query(query: ZoneQuery, timeoutMs = timeoutOf(query)): Promise<Uint8Array> {
    if (this.ended) return Promise.reject(new QueryError("offline", `zone ${this.zone} is offline`));
    const requestId = String((this.lastQuery += 1));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.queries.delete(requestId);
        reject(new QueryError("timeout", `zone ${this.zone} did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.queries.set(requestId, { resolve, reject, timer });
      this.call.write(create(SessionDownSchema, { message: { case: "query", value: encodeQuery(requestId, query, timeoutMs) } }));
    });
  }

  /** For the service: an answer came. Answers to questions given up are ignored. */
  answered({ requestId, result }: Answer): void {
    const open = this.queries.get(requestId);
    if (!open) return;
    this.queries.delete(requestId);
    clearTimeout(open.timer);
    if (result.case === "body") open.resolve(result.value);
    else open.reject(new QueryError("failed", result.case === "error" ? result.value : "the answer is empty"));
  }

  /** Sends the zone away; `RpcRefusal` says with which status. */
  end(reason: RpcRefusal = new RpcRefusal(status.UNAVAILABLE, "the server is stopping")): void {
    if (this.ended) return;
    this.call.emit("error", toStatus(reason));
    this.closed();
  }

  /** For the service: the stream has ended, whoever ended it. */
  closed(): void {
    this.ended = true;
    for (const open of this.queries.values()) {
      clearTimeout(open.timer);
      open.reject(new QueryError("offline", `zone ${this.zone} is offline`));
    }
    this.queries.clear();
  }
}
