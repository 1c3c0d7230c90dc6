import { HeaderValueOption_HeaderAppendAction } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { HeaderValueOptionSchema } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import { isEnvoyFormat } from "@atoll/resource";
import type { HeaderOpsView, HeaderValue } from "@atoll/view";
import type { Init } from "./init.ts";

type HeaderValueOptionInit = Init<typeof HeaderValueOptionSchema>;

/**
 * Envoy reads header values as format strings and refuses the whole route configuration for a stray "%". A value that uses
 * operators correctly keeps them; in any other each "%" means itself.
 */
export function headerText(value: string): string {
  return isEnvoyFormat(value) ? value : value.replaceAll("%", "%%");
}

/** Replaces what the message already has under that name. */
export function overwriteHeader(header: HeaderValue): HeaderValueOptionInit {
  return option(header, HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
}

/** Comes after what the message already has under that name. */
export function appendHeader(header: HeaderValue): HeaderValueOptionInit {
  return option(header, HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD);
}

/** First all that overwrite, then all that append, so that a value both set and added is there twice. */
export function headersToAdd(ops: HeaderOpsView | undefined): HeaderValueOptionInit[] {
  return [...(ops?.set ?? []).map(overwriteHeader), ...(ops?.add ?? []).map(appendHeader)];
}

function option({ name, value }: HeaderValue, appendAction: HeaderValueOption_HeaderAppendAction): HeaderValueOptionInit {
  return { header: { key: name, value: headerText(value) }, appendAction };
}
