import { networkInterfaces } from "node:os";

/**
 * What to bind for an interface in the settings. `0.0.0.0`, `::` and nothing mean every address of the machine, of both families, as they
 * do where our users come from; where the machine has no IPv6, every address of IPv4. `localhost` is a loopback that the machine has, whatever
 * its list of hosts says. Anything else is taken by its word.
 */
export function listenHost(setting: string): string {
  const bare = setting.replace(/^\[(.*)\]$/, "$1");
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  const has = (wanted: string): boolean => addresses.some(({ address }) => address === wanted);
  if (bare === "localhost") return has("127.0.0.1") || !has("::1") ? bare : "::1";
  if (bare !== "" && bare !== "0.0.0.0" && bare !== "::") return bare;
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}
