import { ApiError } from "./problem.ts";

export interface User {
  name: string;
  groups: readonly string[];
}

const adminName = "mesh-system:admin";
const authenticatedGroup = "mesh-system:authenticated";

export const admin: User = { name: adminName, groups: [adminName, authenticatedGroup] };
export const anonymous: User = { name: "mesh-system:anonymous", groups: ["mesh-system:unauthenticated"] };

export const isAdmin = (user: User) => user.name === adminName || user.groups.includes(adminName);

export const isLoopback = (address: string | undefined) => address === "127.0.0.1" || address === "::1" || address === "::ffff:127.0.0.1";

export interface AuthenticateOptions {
  localhostIsAdmin: boolean;
  /** Verifies a user token; rejects if it is not good. */
  verify: (token: string) => Promise<User>;
}

/** Who makes the request. A bad token from localhost is not looked at, as localhost is admin already (controlplane.md 1.8). */
export async function authenticate(
  remoteAddress: string | undefined,
  authorization: string | undefined,
  options: AuthenticateOptions,
): Promise<User> {
  if (options.localhostIsAdmin && isLoopback(remoteAddress)) return admin;
  if (authorization === undefined || !authorization.startsWith("Bearer ")) return anonymous;
  let user: User;
  try {
    user = await options.verify(authorization.slice("Bearer ".length));
  } catch (cause) {
    throw new ApiError({ status: 401, title: "Invalid authentication data", detail: "Unauthenticated" }, { cause });
  }
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

/** `action` completes the sentence "user cannot access ...". */
export function requireAdmin(user: User, action: string): void {
  if (isAdmin(user)) return;
  throw new ApiError({
    status: 403,
    title: "Access Denied",
    detail: `user "${user.name}/${user.groups.join(",")}" cannot access ${action}`,
  });
}
