import { ApiError } from "./problem.ts";

export interface User {
  name: string;
  groups: readonly string[];
}

/** Who may do something: any of the users, or any member of the groups. */
export interface AccessRule {
  users: readonly string[];
  groups: readonly string[];
}

/** What needs a permission, by the names of the settings `access.static`. */
export interface AccessRules {
  /** Secret and GlobalSecret. */
  adminResources: AccessRule;
  generateDpToken: AccessRule;
  generateUserToken: AccessRule;
  generateZoneToken: AccessRule;
  viewConfigDump: AccessRule;
  viewStats: AccessRule;
  viewClusters: AccessRule;
  /** `/config` */
  controlPlaneMetadata: AccessRule;
}

const adminName = "mesh-system:admin";
const authenticatedGroup = "mesh-system:authenticated";

export const admin: User = { name: adminName, groups: [adminName, authenticatedGroup] };
export const anonymous: User = { name: "mesh-system:anonymous", groups: ["mesh-system:unauthenticated"] };

export const isLoopback = (address: string | undefined) => address === "127.0.0.1" || address === "::1" || address === "::ffff:127.0.0.1";

export interface AuthenticateOptions {
  localhostIsAdmin: boolean;
  /** The connection showed a client certificate that was verified, and that is what makes admins here. */
  adminByCertificate: boolean;
  /** Verifies a user token; rejects if it is not good. Absent: tokens are not looked at. */
  verify?: (token: string) => Promise<User>;
}

/** Who makes the request. A bad token from localhost is not looked at, as localhost is admin already (controlplane.md 1.8). */
export async function authenticate(
  remoteAddress: string | undefined,
  authorization: string | undefined,
  options: AuthenticateOptions,
): Promise<User> {
  if (options.localhostIsAdmin && isLoopback(remoteAddress)) return admin;
  if (options.adminByCertificate) return admin;
  if (authorization === undefined || !authorization.startsWith("Bearer ") || options.verify === undefined) return anonymous;
  let user: User;
  try {
    user = await options.verify(authorization.slice("Bearer ".length));
  } catch (cause) {
    throw new ApiError({ status: 401, title: "Invalid authentication data", detail: "Unauthenticated" }, { cause });
  }
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

const admins: AccessRule = { users: [adminName], groups: [adminName] };
const everybody: AccessRule = { users: [], groups: [...anonymous.groups, authenticatedGroup] };

/** Rules of a control plane that was told none. */
export const defaultAccess: AccessRules = {
  adminResources: admins,
  generateDpToken: admins,
  generateUserToken: admins,
  generateZoneToken: admins,
  viewConfigDump: everybody,
  viewStats: everybody,
  viewClusters: everybody,
  controlPlaneMetadata: everybody,
};

export const mayAccess = ({ users, groups }: AccessRule, user: User): boolean =>
  users.includes(user.name) || user.groups.some((group) => groups.includes(group));

export const requireAdmin = (user: User, action: string): void => requirePermission(admins, user, action);

/** `action` completes the sentence "user cannot access ...". */
export function requirePermission(rule: AccessRule, user: User, action: string): void {
  if (mayAccess(rule, user)) return;
  throw new ApiError({
    status: 403,
    title: "Access Denied",
    detail: `user "${user.name}/${user.groups.join(",")}" cannot access ${action}`,
  });
}
