import type { HeaderOpsView, RouteRewriteView, RouteView } from "../proxy-view.ts";
import type { PathChange, RouteEffects } from "./route-filters.ts";

type RedirectView = Extract<RouteView["action"], { type: "redirect" }>;

export const pathView = (path: PathChange | undefined): { full: string } | { prefix: string } | undefined =>
  path?.full !== undefined ? { full: path.full } : path?.prefix !== undefined ? { prefix: path.prefix } : undefined;

export function rewriteView({ path, hostLiteral, autoHost }: RouteEffects): RouteRewriteView {
  const at = pathView(path);
  return {
    ...(at ? { path: at } : {}),
    ...(autoHost ? { autoHost } : hostLiteral !== undefined ? { hostLiteral } : {}),
  };
}

/** `port` of a redirect that names none: that of the listener, where it is given. */
export function redirectView(
  { scheme, hostname, port, statusCode }: NonNullable<RouteEffects["redirect"]>,
  path: PathChange | undefined,
  listenerPort?: number,
): RedirectView {
  const to = port ?? listenerPort;
  const at = pathView(path);
  return {
    type: "redirect",
    ...(scheme !== undefined ? { scheme } : {}),
    ...(hostname !== undefined ? { host: hostname } : {}),
    ...(to !== undefined ? { port: to } : {}),
    statusCode: statusCode as RedirectView["statusCode"],
    ...(listenerPort !== undefined ? { stripQuery: true } : {}),
    ...(at ? { path: at } : {}),
  };
}

/** Without the lists that are empty; undefined if all are. */
export function someOps({ set = [], add = [], remove = [] }: HeaderOpsView): HeaderOpsView | undefined {
  if (set.length + add.length + remove.length === 0) return undefined;
  return { ...(set.length ? { set } : {}), ...(add.length ? { add } : {}), ...(remove.length ? { remove } : {}) };
}
