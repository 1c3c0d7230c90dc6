import { STATUS_CODES } from "node:http";
import type { TagMap } from "../specs/common.ts";
import type { FaultInjectionSpec } from "../specs/fault-injection.ts";
import { tag } from "../tags.ts";
import { anyTags, validateConnection } from "./tags.ts";
import { isWritten, validatePercentage } from "./values.ts";
import { keyed, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";
const protocols = ["http", "http2", "grpc"];
/** Node names these codes, the peer does not. */
const unnamedCodes = new Set(["509"]);

export function* validateFaultInjection(spec: FaultInjectionSpec): Violations {
  yield* validateConnection(spec, anyTags, { ...anyTags, also: validateProtocol });
  const { delay, abort, responseBandwidth }: Partial<FaultInjectionSpec["conf"]> = spec.conf ?? {};
  if (![delay, abort, responseBandwidth].some(isWritten)) yield violation("conf", "must have at least one of the faults configured");
  if (delay && isWritten(delay)) {
    yield* validatePercentage("conf.delay.percentage", delay.percentage, true);
    if (delay.value === undefined) yield violation("conf.delay.value", empty);
  }
  if (abort && isWritten(abort)) {
    yield* validatePercentage("conf.abort.percentage", abort.percentage, true);
    if (abort.httpStatus === undefined) yield violation("conf.abort.httpStatus", empty);
    else if (!isStatusCode(abort.httpStatus)) yield violation("conf.abort.httpStatus", "http status code is incorrect");
  }
  if (responseBandwidth && isWritten(responseBandwidth)) {
    yield* validatePercentage("conf.responseBandwidth.percentage", responseBandwidth.percentage, true);
    if (responseBandwidth.limit === undefined) yield violation("conf.responseBandwidth.limit", empty);
    else if (!/[gmk]bps/.test(responseBandwidth.limit)) {
      yield violation("conf.responseBandwidth.limit", "has to be in kbps/mbps/gbps units");
    }
  }
}

const isStatusCode = (code: number): boolean => STATUS_CODES[code] !== undefined && !unnamedCodes.has(String(code));

function* validateProtocol(path: string, tags: TagMap): Violations {
  const value = tags[tag.protocol];
  if (value === undefined) yield violation(path, "protocol must be specified");
  else if (!protocols.includes(value)) yield violation(keyed(path, tag.protocol), `must be one of the [${protocols.join(", ")}]`);
}
