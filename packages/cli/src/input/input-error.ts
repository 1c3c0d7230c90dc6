/** What a person gave (a flag, a file, a variable) cannot be used; the message names it and says why. */
export class InputError extends Error {
  override readonly name: string = "InputError";
}
