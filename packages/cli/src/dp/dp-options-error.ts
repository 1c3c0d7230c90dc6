/** Raised for a wrong flag, variable or file; the message names it. */
export class DpOptionsError extends Error {
  override readonly name = "DpOptionsError";
}
