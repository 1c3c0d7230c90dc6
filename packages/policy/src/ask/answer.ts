import { replaced } from "./choice.ts";
import type { PolicyChoice } from "./choice.ts";

/** What holds at one place, whichever family of policies said so. */
export interface Answer<Conf> {
  /** undefined: no policy says anything here. */
  conf: Conf | undefined;
  /** Equal where the answers are, so that what is made of them can be shared. */
  key: string;
  /** What became of every policy that could have had a say. */
  account: () => PolicyChoice[];
}

/** What one family has to say. */
export interface Found<Conf> {
  /** True if a policy of the family is for this place. */
  holds: boolean;
  conf: Conf | undefined;
  account: () => PolicyChoice[];
}

export const nothingFound: Found<never> = { holds: false, conf: undefined, account: () => [] };

/** Which family is heard where both are for a place. */
export type Precedence<Conf> = "targeted" | "legacy" | ((legacy: Conf, targeted: Conf) => Conf);

export function settle<Conf>(legacy: Found<Conf>, targeted: Found<Conf>, precedence: Precedence<Conf>): Answer<Conf> {
  const both = legacy.holds && targeted.holds;
  if (both && typeof precedence === "function") {
    const { conf: first } = legacy;
    const { conf: second } = targeted;
    const conf = first === undefined ? second : second === undefined ? first : precedence(first, second);
    return answerOf(conf, () => [...legacy.account(), ...targeted.account()]);
  }
  const hearsTargeted = targeted.holds && !(both && precedence === "legacy");
  const [heard, other] = hearsTargeted ? [targeted, legacy] : [legacy, targeted];
  return answerOf(heard.conf, () => {
    const rest = heard.holds ? replaced(other.account()) : other.account();
    return hearsTargeted ? [...rest, ...heard.account()] : [...heard.account(), ...rest];
  });
}

const keys = new WeakMap<object, string>();

export function answerOf<Conf>(conf: Conf | undefined, account: () => PolicyChoice[]): Answer<Conf> {
  if (typeof conf !== "object" || conf === null) return { conf, key: conf === undefined ? "" : JSON.stringify(conf), account };
  let key = keys.get(conf);
  if (key === undefined) keys.set(conf, (key = JSON.stringify(conf)));
  return { conf, key, account };
}
