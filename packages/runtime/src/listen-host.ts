import { networkInterfaces } from "node:os";

/**
 * What to bind for an interface in the settings. `0.0.0.0`, `::` and nothing mean every address of the machine, of both families, as they
 * do where our users come from; where the machine has no IPv6, every address of IPv4. Anything else is taken by its word.
 */
export function listenHost(setting: string): string {
  const bare = setting.replace(/^\[(.*)\]$/, "$1");
  if (bare !== "" && bare !== "0.0.0.0" && bare !== "::") return bare;
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}
