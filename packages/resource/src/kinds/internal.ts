import type { Kind } from "../kind.ts";
import { tokenVerificationKeySpec } from "../specs/secret.ts";
import { defineKind } from "./define-kind.ts";

/** Kinds that only services write and read. */
export const internalKinds: readonly Kind[] = [
  defineKind({
    type: "TokenVerificationKey",
    // Keys of user and zone tokens belong to no mesh: their `mesh` is "".
    scope: "mesh",
    path: "",
    args: null,
    flows: ["globalToZone"],
    writable: [],
    internal: true,
    schema: tokenVerificationKeySpec,
  }),
];
