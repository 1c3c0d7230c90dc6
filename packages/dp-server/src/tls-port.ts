import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { ServerCredentials, type Server as GrpcServer } from "@grpc/grpc-js";

export interface TlsPortOptions {
  address: string;
  /** 0 = any free port. */
  port: number;
  certificatePem: string;
  privateKeyPem: string;
  grpc: GrpcServer;
  http: RequestListener;
  minVersion?: "TLSv1.2" | "TLSv1.3";
  /** How long a client may take to send the head of an HTTP/1.1 request; 5 s unless set. */
  readHeaderTimeoutMs?: number;
  /** Told of each connection that goes to the gRPC server. */
  onGrpc?: (socket: Socket) => void;
}

export interface TlsPort {
  port: number;
  close(): Promise<void>;
}

/**
 * One TLS port for gRPC and plain HTTP: a connection that negotiates `h2` (RFC 7540 section 3.3) is handed to the gRPC server,
 * every other to an HTTP/1.1 server.
 */
export async function openTlsPort(options: TlsPortOptions): Promise<TlsPort> {
  const http: HttpServer = createHttpServer({ headersTimeout: options.readHeaderTimeoutMs ?? 5_000 }, options.http);
  const injector = options.grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const tls: TlsServer = createTlsServer({
    cert: options.certificatePem,
    key: options.privateKeyPem,
    minVersion: options.minVersion ?? "TLSv1.2",
    handshakeTimeout: 10_000,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  tls.on("secureConnection", (socket) => {
    socket.setNoDelay(true);
    if (socket.alpnProtocol === "h2") {
      injector.injectConnection(socket);
      options.onGrpc?.(socket);
    } else http.emit("connection", socket);
  });
  // Also those that have not finished their handshake, which no server above knows of.
  const connections = new Set<Socket>();
  tls.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  // A stranger's broken handshake is not this server's error.
  tls.on("tlsClientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    tls.once("error", reject);
    tls.listen(options.port, options.address, resolve);
  });
  const bound = tls.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : options.port,
    close: async () => {
      const closed = new Promise<void>((resolve) => tls.close(() => resolve()));
      injector.destroy();
      http.closeAllConnections();
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}
