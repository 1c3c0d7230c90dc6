import { bool, kept, need, string, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { dataSource, tagMap } from "./common.ts";

export const externalServiceSpec = message({
  networking: need(
    message({
      /** host:port */
      address: need(string),
      tls: message({
        enabled: bool,
        caCert: dataSource,
        clientCert: dataSource,
        clientKey: dataSource,
        allowRenegotiation: kept(bool),
        serverName: kept(string),
        skipHostnameVerification: kept(bool),
      }),
      disableHostDNSEntry: bool,
    }),
  ),
  tags: need(tagMap),
});
export type ExternalServiceSpec = Value<typeof externalServiceSpec>;
