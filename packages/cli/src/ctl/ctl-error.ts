/** Ends the command with status 1 and this message. */
export class CtlError extends Error {
  override readonly name = "CtlError";
}
