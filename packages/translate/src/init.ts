import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";

/** The fields to make a message of: what `create` takes, without the message itself. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, { readonly $typeName: string }>;
