import { status } from "@grpc/grpc-js";

/** An error that reaches the client as it is: a gRPC status code and its text. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }

  get details(): string {
    return this.message;
  }
}

/** What the client gets to see of any error; the text of an unforeseen one stays here. */
export function toStatusError(error: unknown): StatusError {
  return error instanceof StatusError ? error : new StatusError(status.INTERNAL, "internal error");
}
