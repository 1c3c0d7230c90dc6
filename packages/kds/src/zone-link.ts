import { create } from "@bufbuild/protobuf";
import { methodDefinition } from "@atoll/event-log";
import { Kds, RegisterRequestSchema, SessionUpSchema } from "@atoll/kds-api";
import type { RegisterResponse, SessionDown, SessionUp } from "@atoll/kds-api";
import { status } from "@grpc/grpc-js";
import type { Client, ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { decodeHeartbeat, encodeHeartbeat } from "./heartbeat.ts";
import type { Heartbeat, Progress } from "./heartbeat.ts";
import { decodeQuery } from "./proxy-query.ts";
import type { ZoneQuery } from "./proxy-query.ts";
import { traceCall } from "./registration-trace.ts";

/** What `Register` sends. */
export interface RegisterFields {
  version: string;
  features: string[];
  instanceId: string;
  configJson: string;
  zone: string;
}

const registerTimeoutMs = 10_000;

/** One call of `Register`; rejects with grpc-js' ServiceError. */
export function register(client: Client, metadata: Metadata, fields: RegisterFields, signal: AbortSignal): Promise<RegisterResponse> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(Kds.method.register);
  const send = () =>
    new Promise<RegisterResponse>((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        create(RegisterRequestSchema, fields),
        metadata,
        { deadline: Date.now() + registerTimeoutMs },
        (error, answer) => {
          signal.removeEventListener("abort", cancel);
          if (error) reject(error);
          else resolve(answer!);
        },
      );
      signal.addEventListener("abort", cancel);
    });
  return traceCall(fields.zone, metadata, send);
}

export interface SessionOptions {
  client: Client;
  metadata: Metadata;
  version: string;
  instanceId: string;
  heartbeatIntervalMs: number;
  progress: () => Progress;
  answer?: (query: ZoneQuery) => Promise<Uint8Array>;
  onHeartbeat: (heartbeat: Heartbeat) => void;
}

/** The zone's end of one session stream. */
export class SessionLink {
  /** Rejects with the reason when the stream ends; never resolves. */
  readonly ended: Promise<never>;
  private readonly stream: ClientDuplexStream<SessionUp, SessionDown>;
  private readonly options: SessionOptions;
  private over = false;

  constructor(options: SessionOptions) {
    this.options = options;
    const { path, requestSerialize, responseDeserialize } = methodDefinition(Kds.method.session);
    const stream = options.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, options.metadata);
    this.stream = stream;
    const { heartbeatIntervalMs } = options;
    this.ended = new Promise((_, reject) => {
      const end = (error: unknown): void => {
        this.over = true;
        clearInterval(pulse);
        clearTimeout(silence);
        reject(error as Error);
      };
      const pulse = setInterval(() => this.beat(), heartbeatIntervalMs);
      const silence = setTimeout(() => {
        end({ code: status.DEADLINE_EXCEEDED, details: `no heartbeat for ${3 * heartbeatIntervalMs} ms` });
        stream.cancel();
      }, 3 * heartbeatIntervalMs);
      stream.on("data", (message: SessionDown) => {
        silence.refresh();
        this.receive(message);
      });
      stream.on("error", end);
      stream.on("end", () => end({ code: status.UNAVAILABLE, details: "the session was closed" }));
    });
    this.ended.catch(() => {});
    const { version, instanceId } = options;
    stream.write(create(SessionUpSchema, { message: { case: "hello", value: { version, instanceId } } }));
    this.beat();
  }

  beat(): void {
    this.send({ case: "heartbeat", value: encodeHeartbeat(this.options.progress(), Date.now()) });
  }

  close(): void {
    this.stream.cancel();
  }

  private send(message: SessionUp["message"]): void {
    if (!this.over) this.stream.write(create(SessionUpSchema, { message }));
  }

  private receive({ message }: SessionDown): void {
    if (message.case === "heartbeat") this.options.onHeartbeat(decodeHeartbeat(message.value, Date.now()));
    if (message.case !== "query") return;
    const { requestId } = message.value;
    this.answerTo(decodeQuery(message.value)).then(
      (body) =>
        this.send({ case: "answer", value: { $typeName: "atoll.kds.v1.Answer", requestId, result: { case: "body", value: body } } }),
      (error: Error) =>
        this.send({
          case: "answer",
          value: { $typeName: "atoll.kds.v1.Answer", requestId, result: { case: "error", value: error.message } },
        }),
    );
  }

  private async answerTo(query: ZoneQuery | undefined): Promise<Uint8Array> {
    if (!query || !this.options.answer) throw new Error("this zone cannot answer that question");
    return this.options.answer(query);
  }
}
