import { enumeration } from "../schema/codec.ts";
import { protoName } from "./common.ts";

export const httpMethod = enumeration(protoName("HttpMethod"), [
  "NONE",
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE",
]);
