import type { Installation } from "../model/installation.ts";
import type { Random } from "../world/random.ts";

/** Something that goes wrong, and is over when `strike` resolves. */
export interface Fault {
  readonly name: string;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  strike(installation: Installation, random: Random): Promise<void>;
}
