import type { MeshSpec } from "@atoll/resource";
import { kindOf } from "@atoll/resource";
import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";
import { nextOffset, type Page } from "./output.ts";
import type { Item } from "./resource-table.ts";
import { renderResourceYaml, renderYaml } from "./yaml-output.ts";

const profiles = ["federation", "federation-with-policies", "all", "no-dataplanes"] as const;
const formats = ["universal", "kubernetes"] as const;

interface ExportFlags {
  profile: string;
  format: string;
  includeAdmin?: true;
}

interface ResourceType {
  name: string;
  path: string;
  scope: "Mesh" | "Global";
  includeInFederation: boolean;
  policy?: { isTargetRef: boolean };
}

/** `export`: everything as documents that can be applied elsewhere. */
export function addExport(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("export")
    .description("Print resources as documents that can be applied elsewhere")
    .option("-p, --profile <profile>", profiles.join(", "), "federation")
    .option("-f, --format <format>", formats.join(" or "), "universal")
    .option("-a, --include-admin", "with secrets, which the federation profiles have anyway")
    .action(async (flags: ExportFlags) => {
      await announce(client(), io);
      if (!profiles.includes(flags.profile as "all")) throw new CtlError(`invalid profile: ${JSON.stringify(flags.profile)}`);
      if (!formats.includes(flags.format as "universal")) throw new CtlError(`invalid format: ${JSON.stringify(flags.format)}`);
      const items = await everything(client(), flags);
      if (flags.format === "universal") io.out(universal(items));
      else io.out((await Promise.all(items.map((item) => kubernetes(item, client())))).join("---\n"));
    });
}

async function announce(client: ApiClient, io: Io): Promise<void> {
  const index = await client.json<Record<string, string>>("GET", "/");
  const { product, version, hostname, clusterId, instanceId } = index;
  io.out(`# Product: ${product}, Version: ${version}, Hostname: ${hostname}, ClusterId: ${clusterId}, InstanceId: ${instanceId}\n`);
}

/** Made anew by every control plane: taken along, they would break its TLS. */
const ownOfAControlPlane = new Set(["envoy-admin-ca", "inter-cp-ca"]);

/**
 * In an order in which they can be applied: secrets of meshes first, since a mesh may name them; keys of user tokens last, since
 * whoever applies them must sign in anew.
 */
async function everything(client: ApiClient, flags: ExportFlags): Promise<Item[]> {
  const { resources } = await client.json<{ resources: ResourceType[] }>("GET", "/_resources");
  const meshes = await pages(client, "/meshes");
  const found: Item[] = [];
  for (const type of resources.filter((each) => isExported(each, flags))) {
    if (type.scope === "Global") found.push(...(await pages(client, `/${type.path}`)));
    else for (const { name } of meshes) found.push(...(await pages(client, `/meshes/${encodeURIComponent(name)}/${type.path}`)));
  }
  const kept = found.filter(({ name }) => !ownOfAControlPlane.has(name));
  const isUserKey = ({ name }: Item) => name.startsWith("user-token-signing-key");
  const rank = (item: Item) => (isUserKey(item) ? 2 : item.type === "Secret" ? 0 : 1);
  return kept.toSorted((a, b) => rank(a) - rank(b));
}

function isExported({ name, includeInFederation, policy }: ResourceType, { profile, includeAdmin }: ExportFlags): boolean {
  if (kindOf(name) === undefined) return false;
  const federation = profile === "federation" || profile === "federation-with-policies";
  if (kindOf(name)!.adminOnly && !federation && !includeAdmin) return false;
  if (profile === "no-dataplanes") return name !== "Dataplane" && name !== "DataplaneInsight";
  if (!federation) return true;
  if (!includeInFederation) return false;
  return profile === "federation-with-policies" || (policy?.isTargetRef !== true && name !== "MeshGateway");
}

async function pages(client: ApiClient, path: string): Promise<Item[]> {
  const found: Item[] = [];
  for (let offset = "0"; offset !== "";) {
    const page = await client.json<Page<Item>>("GET", `${path}?size=1000&offset=${offset}`);
    found.push(...page.items);
    offset = nextOffset(page);
  }
  return found;
}

const zeroTime = "0001-01-01T00:00:00Z";

/** Bare meshes come first, so that what follows has a mesh to live in; each mesh's own document then completes it. */
function universal(items: readonly Item[]): string {
  const meshes = items.filter(({ type }) => type === "Mesh");
  const bare = meshes.map(({ type, name }): Item => ({ type, name, creationTime: zeroTime, modificationTime: zeroTime }));
  return [...bare, ...items.map(withoutInitialPolicies)].map((item) => `---\n${render(item)}`).join("");
}

const render = (item: Item): string => (kindOf(item.type)?.plugin ? renderYaml(item) : renderResourceYaml(item));

/** The policies that a mesh started with are among the documents, as far as they are still there. */
const withoutInitialPolicies = (item: Item): Item =>
  item.type === "Mesh" ? { ...item, ...({ skipCreatingInitialPolicies: ["*"] } satisfies MeshSpec) } : item;

async function kubernetes({ type, mesh, name }: Item, client: ApiClient): Promise<string> {
  const kind = kindOf(type)!;
  const collection = kind.scope === "mesh" ? `/meshes/${encodeURIComponent(mesh ?? "")}/${kind.path}` : `/${kind.path}`;
  return renderYaml(await client.json<unknown>("GET", `${collection}/${encodeURIComponent(name)}?format=k8s`));
}
