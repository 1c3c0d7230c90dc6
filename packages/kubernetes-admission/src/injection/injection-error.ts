/** Why a pod that is to have a proxy cannot get one; it is refused with this message. */
export class InjectionError extends Error {
  override readonly name = "InjectionError";
}
