import { FractionalPercent_DenominatorType } from "@atoll/envoy-api/envoy/type/v3/percent_pb.js";
import type { FractionalPercentSchema } from "@atoll/envoy-api/envoy/type/v3/percent_pb.js";
import type { Init } from "./init.ts";

/** A percentage as a fraction with the smallest denominator of Envoy that holds it exactly (a ten-thousandth of a percent at best). */
export function fractionalPercent(percent: number): Init<typeof FractionalPercentSchema> {
  const bounded = Math.min(100, Math.max(0, percent));
  const { HUNDRED, TEN_THOUSAND, MILLION } = FractionalPercent_DenominatorType;
  for (const [scale, denominator] of [
    [1, HUNDRED],
    [100, TEN_THOUSAND],
  ] as const) {
    const numerator = Math.round(bounded * scale);
    if (Math.abs(bounded * scale - numerator) < 1e-9) return { numerator, denominator };
  }
  return { numerator: Math.round(bounded * 10_000), denominator: MILLION };
}
