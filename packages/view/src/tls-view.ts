import type { TlsParameters } from "@atoll/policy";

/** Client side of mesh mutual TLS, or TLS origination towards an external service. */
export interface UpstreamTlsView extends TlsParameters {
  /** SDS name of the client certificate. */
  certificate?: string;
  /** Inline client certificate by reference: names a SecretView. */
  clientCertificate?: string;
  /** SDS name of the CA to verify the server with; absent = the server is not verified. */
  ca?: string;
  sans?: SanMatchView[];
  alpn?: string[];
  sni?: string;
  allowRenegotiation?: boolean;
  /** File with the CAs of the proxy's machine to verify the server with, where `ca` names none. */
  systemCa?: string;
}

export interface DownstreamTlsView extends TlsParameters {
  /** SDS names of server certificates. */
  certificates: string[];
  /** Instead of those, files on the proxy's machine. */
  files?: { certificate: string; key: string };
  /** Present = the client must show a certificate signed by this CA (SDS name). */
  ca?: string;
  sans?: SanMatchView[];
  alpn?: string[];
}

export interface SanMatchView {
  type: "uri" | "dns" | "ip";
  exact?: string;
  prefix?: string;
}

/** A secret that Envoy asks for by name over SDS. Says where its material comes from; never holds it. */
export interface SecretView {
  name: string;
  source:
    | { type: "identity"; mesh: string; services: string[]; tags: [string, string][] }
    | { type: "meshCa"; mesh: string }
    | { type: "allMeshCas"; ownMesh: string }
    /** A PEM bundle with one private key and its chain. */
    | { type: "bundle"; mesh: string; data: DataSourceView }
    /** A certificate and its key in two data sources. */
    | { type: "keyPair"; mesh: string; certificate: DataSourceView; key: DataSourceView }
    | { type: "ca"; mesh: string; data: DataSourceView }
    /** What an Envoy's admin listener shows to the control plane, and whom it lets in: the same in all of a zone. */
    | { type: "adminServer" }
    | { type: "adminClients" };
}

export type DataSourceView = { secret: string } | { inline: string } | { inlineString: string } | { file: string };
