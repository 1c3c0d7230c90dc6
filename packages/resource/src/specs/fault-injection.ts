import { double, duration, kept, need, string, uint32, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

const percentage = need(kept(double));

export const faultInjectionSpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      delay: message({ percentage, value: need(duration) }),
      abort: message({ percentage, httpStatus: need(kept(uint32)) }),
      /** `limit` is a number with its unit: "50 kbps". */
      responseBandwidth: message({ percentage, limit: need(kept(string)) }),
    }),
  ),
});
export type FaultInjectionSpec = Value<typeof faultInjectionSpec>;
