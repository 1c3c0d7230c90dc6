import { need, string, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { selectors } from "./common.ts";

export const virtualOutboundSpec = message({
  selectors: need(selectors),
  conf: need(
    message({
      /** Templates over the parameters: "{{.service}}.mesh". */
      host: need(string),
      port: need(string),
      /** `tagKey` absent = `name`. */
      parameters: need(list(message({ name: need(string), tagKey: string }))),
    }),
  ),
});
export type VirtualOutboundSpec = Value<typeof virtualOutboundSpec>;
