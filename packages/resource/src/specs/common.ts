import { bytes, kept, need, string, type Value } from "../schema/codec.ts";
import { list, map, message } from "../schema/message.ts";

/** Name of an enum or message in protobuf, for error texts. */
export const protoName = (name: string): string => `kuma.mesh.v1alpha1.${name}`;

export const tagMap = map(string);
export type TagMap = Value<typeof tagMap>;

const selector = message({ match: tagMap });
export type Selector = Value<typeof selector>;
export const selectors = list(selector);

/** Where a certificate, key or other material comes from. One of its members. */
export const dataSource = message({ secret: kept(string), file: kept(string), inline: kept(bytes), inlineString: kept(string) }, [
  ["secret", "file", "inline", "inlineString"],
]);
export type DataSource = Value<typeof dataSource>;

/** Selectors of a policy that acts between a source and a destination. */
export const sourcesAndDestinations = { sources: need(selectors), destinations: need(selectors) };
