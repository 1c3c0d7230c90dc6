import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { expandPath } from "./paths.ts";
import { SettingsError } from "./settings.ts";
import { tokenValidatorSettings } from "./token-settings.ts";

const port = z.int().min(0).max(65_535);
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);
const rule = (users: string[], groups: string[]) =>
  section({ users: z.array(z.string()).default(users), groups: z.array(z.string()).default(groups) });
const admins = () => rule(["mesh-system:admin"], ["mesh-system:admin"]);
const everybody = () => rule([], ["mesh-system:unauthenticated", "mesh-system:authenticated"]);

/** Lowest version of TLS that a server speaks. */
export const tlsVersion = z.enum(["TLSv1_2", "TLSv1_3"]);
/** The same as Node.js names it. */
export const nodeTlsVersion = (version: z.infer<typeof tlsVersion>) => (version === "TLSv1_3" ? "TLSv1.3" : "TLSv1.2");

/** `apiServer` of global and of a zone. */
export const apiServerSettings = section({
  http: section({ enabled: z.boolean().default(true), interface: z.string().default("0.0.0.0"), port: port.default(5681) }),
  https: section({
    enabled: z.boolean().default(true),
    interface: z.string().default("0.0.0.0"),
    port: port.default(5682),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
    tlsMinVersion: tlsVersion.default("TLSv1_2"),
    /** PEM of the authorities that client certificates are verified with. */
    tlsCaFile: z.string().optional(),
    requireClientCert: z.boolean().default(false),
  }),
  auth: section({
    /** Folder of more such authorities, `*.pem` and `*.crt`. */
    clientCertsDir: z.string().optional(),
  }),
  readOnly: z.boolean().default(false),
  /** The web page at `/gui`. */
  gui: section({ enabled: z.boolean().default(true) }),
  basePath: z.string().default("/"),
  /** Origins whose web pages may read answers; `.*` = every one. */
  corsAllowedDomains: z.array(z.string()).default([]),
  authn: section({
    type: z.enum(["tokens", "adminClientCerts"]).default("tokens"),
    localhostIsAdmin: z.boolean().default(true),
    /** The address is enough to be that admin: requests of any web page's browser and of any proxy on this machine, too. */
    localhostByAddressAlone: z.boolean().default(false),
    tokens: section({
      enableIssuer: z.boolean().default(true),
      bootstrapAdminToken: z.boolean().default(true),
      validator: tokenValidatorSettings,
    }),
  }),
});

/** `access`: who may do what on the REST API. */
export const accessSettings = section({
  type: z.enum(["static"]).default("static"),
  static: section({
    adminResources: admins(),
    generateDpToken: admins(),
    generateUserToken: admins(),
    generateZoneToken: admins(),
    viewConfigDump: everybody(),
    viewStats: everybody(),
    viewClusters: everybody(),
    controlPlaneMetadata: everybody(),
  }),
});

/** What the HTTPS server of the REST API asks of clients; undefined = no certificate is asked for. Reads the files. @throws SettingsError */
export function clientCertificates(
  settings: Pick<z.infer<typeof apiServerSettings>, "https" | "auth" | "authn">,
): { ca: string[]; required: boolean } | undefined {
  const { https, auth, authn } = settings;
  if (!https.requireClientCert && authn.type !== "adminClientCerts") return undefined;
  const folder = auth.clientCertsDir === undefined ? undefined : expandPath(auth.clientCertsDir);
  const names = folder === undefined ? [] : read("apiServer.auth.clientCertsDir", folder, () => readdirSync(folder));
  const files = names.filter((name) => /\.(pem|crt)$/.test(name)).map((name) => join(folder!, name));
  const ca = files.map((file) => authority("apiServer.auth.clientCertsDir", file));
  if (https.tlsCaFile !== undefined) ca.push(authority("apiServer.https.tlsCaFile", expandPath(https.tlsCaFile)));
  return { ca, required: https.requireClientCert };
}

function authority(setting: string, file: string): string {
  const pem = read(setting, file, () => readFileSync(file, "utf8"));
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new SettingsError(`${setting}: ${file} holds no certificate in PEM`);
  return pem;
}

function read<T>(setting: string, path: string, reading: () => T): T {
  try {
    return reading();
  } catch (error) {
    throw new SettingsError(`${setting}: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** What these settings open that is closed unless asked for, for the log of whoever starts with them. */
export function openedBy({ authn, corsAllowedDomains }: z.infer<typeof apiServerSettings>): string[] {
  const opened: string[] = [];
  if (authn.localhostIsAdmin && authn.localhostByAddressAlone)
    opened.push(
      "apiServer.authn.localhostByAddressAlone: whatever connects from this machine is admin, so every web page that a browser here shows " +
        "can read all secrets, and so can everybody behind a proxy on this machine",
    );
  if (corsAllowedDomains.includes(".*"))
    opened.push("apiServer.corsAllowedDomains: web pages of every origin may read what anybody may, and write it");
  return opened;
}
