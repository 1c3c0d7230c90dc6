import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext } from "node:tls";
import { ChannelCredentials } from "@grpc/grpc-js";
import type { ChannelOptions } from "@grpc/grpc-js";

export interface EndpointOptions {
  /** `grpcs://host:port`, or `grpc://host:port` for plaintext. */
  address: string;
  tls?: {
    /** PEM; without it the system's authorities are trusted. */
    ca?: string;
    /** PEM: the very certificate that the server has to present, whatever names it is for and whoever has issued it. Instead of `ca`. */
    pinned?: string;
    /** Any certificate is accepted. */
    skipVerify?: boolean;
  };
}

export interface Endpoint {
  /** host:port */
  target: string;
  credentials: ChannelCredentials;
  channelOptions: ChannelOptions;
}

/** Throws with the reason if the address or the CA cannot be used. */
export function parseEndpoint({ address, tls }: EndpointOptions): Endpoint {
  const match = /^(grpcs?):\/\/((?:\[([0-9a-fA-F:]+)\]|([^/:\s]+)):\d+)\/?$/.exec(address);
  if (!match) throw new Error(`address "${address}": must be grpcs://host:port or grpc://host:port`);
  const [, scheme, target = "", ipv6, name = ""] = match;
  if (scheme === "grpc") return { target, credentials: ChannelCredentials.createInsecure(), channelOptions: {} };
  const host = ipv6 ?? name;
  try {
    const { ca, pinned } = tls ?? {};
    const wanted = pinned === undefined ? undefined : new X509Certificate(pinned);
    const context = createSecureContext(wanted ? { ca: pinned, allowPartialTrustChain: true } : ca === undefined ? {} : { ca });
    const credentials = ChannelCredentials.createFromSecureContext(context, {
      rejectUnauthorized: !tls?.skipVerify,
      checkServerIdentity: (_, certificate) => {
        if (!wanted) return checkServerIdentity(host, certificate);
        return wanted.raw.equals(certificate.raw) ? undefined : new Error(`${target} presents another certificate than it should`);
      },
    });
    // An IP address may not be sent as the server's name (RFC 6066, section 3); the certificate is still compared with the address.
    const channelOptions = isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": "atoll" };
    return { target, credentials, channelOptions };
  } catch (error) {
    throw new Error(`the CA for ${address} is not a PEM certificate: ${(error as Error).message}`, { cause: error });
  }
}
