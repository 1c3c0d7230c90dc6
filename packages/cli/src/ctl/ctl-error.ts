import { InputError } from "../input/input-error.ts";

/** Ends the command with status 1 and this message. */
export class CtlError extends InputError {
  override readonly name = "CtlError";
}
