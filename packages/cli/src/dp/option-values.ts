import { DpOptionsError } from "./dp-options-error.ts";

export function wholeNumber(flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new DpOptionsError(`${flag}: "${text}" is not a whole number`);
  return Number(text);
}

/** Go durations of whole parts: 30s, 1m, 1m30s, 500ms. */
export function durationS(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text)
    throw new DpOptionsError(`${flag}: "${text}" is not a duration such as 30s`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * { ms: 0.001, s: 1, m: 60, h: 3600 }[unit as "s"]!, 0);
}
