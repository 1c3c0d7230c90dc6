import { isLoopbackAddress, whereFrom, type RequestFacts } from "@atoll/caller";
import { ApiError } from "./problem.ts";

export interface User {
  name: string;
  groups: readonly string[];
  /** Why somebody who connects from this machine is not its admin; goes on after "the request". */
  because?: string;
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

/** Of the service that carries a cluster's objects into the log: it may also where REST is read-only, and say what a cluster's names are. */
const kubernetesGroup = "mesh-system:kubernetes";

/** The service that carries a cluster's objects, once it has proved what it is. */
export const kubernetesService: User = { name: kubernetesGroup, groups: [kubernetesGroup, adminName, authenticatedGroup] };

export const carriesObjects = (user: User): boolean => user.groups.includes(kubernetesGroup);

export interface AuthenticateOptions {
  localhostIsAdmin: boolean;
  /** Whoever connects from the loopback is admin, whatever the request says: browsers and proxies, too. */
  localhostByAddressAlone?: boolean;
  /** The connection showed a client certificate that was verified, and that is what makes admins here. */
  adminByCertificate: boolean;
  /** Verifies a user token; rejects with the reason if it is not good. Absent: tokens are not looked at. */
  verify?: (token: string) => Promise<User>;
}

/**
 * Who makes the request. Credentials come first: whoever shows some is whom they name, and is refused if they are not good. Without any,
 * somebody at this machine is admin, and everybody else anonymous.
 */
export async function authenticate(facts: RequestFacts, options: AuthenticateOptions): Promise<User> {
  if (options.adminByCertificate) return admin;
  const credentials = facts.headers.get("authorization");
  if (credentials !== undefined && options.verify !== undefined) return userOf(credentials, options.verify);
  if (!options.localhostIsAdmin || !isLoopbackAddress(facts.remoteAddress)) return anonymous;
  if (options.localhostByAddressAlone) return admin;
  if (credentials !== undefined) return { ...anonymous, because: "has credentials, which count for nothing here" };
  const where = whereFrom(facts);
  if (where.at === "here") return admin;
  return where.at === "unclear" ? { ...anonymous, because: where.because } : anonymous;
}

async function userOf(credentials: readonly string[], verify: (token: string) => Promise<User>): Promise<User> {
  const token = credentials.length === 1 ? /^Bearer +(\S+)$/i.exec(credentials[0]!.trim())?.[1] : undefined;
  if (token === undefined) throw unauthenticated('the header "Authorization" has to be "Bearer" and a user token');
  let user: User;
  try {
    user = await verify(token);
  } catch (cause) {
    throw unauthenticated((cause as Error).message, cause);
  }
  return user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}

const unauthenticated = (reason: string, cause?: unknown) =>
  new ApiError({ status: 401, title: "Invalid authentication data", detail: `Unauthenticated: ${reason}` }, { cause });

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
  if (!mayAccess(rule, user)) throw denied(user, `user "${user.name}/${user.groups.join(",")}" cannot access ${action}`);
}

/** Tells whoever sits at this machine, and is taken for somebody else, why. */
export const denied = ({ because }: User, detail: string): ApiError =>
  new ApiError({
    status: 403,
    title: "Access Denied",
    detail: because === undefined ? detail : `${detail}: the request comes from this machine, but ${because}`,
  });
