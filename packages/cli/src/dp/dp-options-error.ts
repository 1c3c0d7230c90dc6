import { InputError } from "../input/input-error.ts";

/** Raised for a wrong flag, variable or file; the message names it. */
export class DpOptionsError extends InputError {
  override readonly name = "DpOptionsError";
}
