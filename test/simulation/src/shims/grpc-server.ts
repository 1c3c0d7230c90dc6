import { type Metadata, status } from "@grpc/grpc-js";
import { type Process, currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";
import { type Link, type Method, ServerCall, type Status } from "./grpc-call.ts";

type Handler = (call: ServerCall, answer?: (error: Partial<Status> | null, message?: unknown) => void) => void;

/** The gRPC server behind the TLS port that the process opens next. */
export const injected = new WeakMap<Process, Server>();

export class Server {
  readonly #methods = new Map<string, { method: Method; handler: Handler }>();
  readonly #calls = new Set<ServerCall>();
  #bound = "";

  addService(definition: Record<string, Method>, implementation: Record<string, Handler>): void {
    for (const [name, method] of Object.entries(definition)) {
      const handler = implementation[name];
      if (handler) this.#methods.set(method.path, { method, handler: handler.bind(implementation) });
    }
  }

  bindAsync(address: string, _credentials: unknown, done: (error: Error | null, port: number) => void): void {
    const process = currentProcess()!;
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    this.#bound = `${process.host.name}:${port}`;
    currentSimulation().network.grpc.set(this.#bound, { process, server: this });
    currentSimulation().world.schedule(0, () => done(null, port));
  }

  createConnectionInjector(): { injectConnection(): void; destroy(): void } {
    injected.set(currentProcess()!, this);
    return { injectConnection: () => undefined, destroy: () => this.forceShutdown() };
  }

  /** A call arrives; `request` are the bytes of the one message of a caller that sends no stream. */
  accept(link: Link, path: string, metadata: Metadata, request: Buffer | undefined): void {
    const found = this.#methods.get(path);
    if (!found) {
      link.down.send(() => link.client?.finish({ code: status.UNIMPLEMENTED, details: `no method ${path}` }));
      return;
    }
    const { method, handler } = found;
    const call = new ServerCall(link, method, metadata, request && method.requestDeserialize(request));
    this.#calls.add(call);
    if (method.requestStream || method.responseStream) {
      handler(call);
      return;
    }
    handler(call, (error, message) => {
      this.#calls.delete(call);
      if (error) call.finish({ code: error.code ?? status.UNKNOWN, details: error.details ?? "", metadata: error.metadata });
      else {
        call.write(message);
        call.end();
      }
    });
  }

  forceShutdown(): void {
    const { network } = currentSimulation();
    if (network.grpc.get(this.#bound)?.server === this) network.grpc.delete(this.#bound);
    for (const call of this.#calls) {
      call.finish({ code: status.UNAVAILABLE, details: "Connection dropped" });
      call.cancelled = true;
      call.emit("cancelled", "cancelled");
      call.emit("close");
    }
    this.#calls.clear();
  }

  tryShutdown(done: () => void): void {
    this.forceShutdown();
    done();
  }
}

export class ServerCredentials {
  static createInsecure(): ServerCredentials {
    return new ServerCredentials();
  }
  static createSsl(): ServerCredentials {
    return new ServerCredentials();
  }
}
