import { kinds, renderDocument, type Kind } from "@atoll/resource";
import type { Command } from "commander";
import { stringify } from "yaml";
import { describeProblem, type ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { collectionPath, fillTemplate, itemPath, parseResources, readSource } from "./documents.ts";
import { age, renderTable, renderTags } from "./table.ts";
import { renderResourceYaml, renderYaml } from "./yaml-output.ts";

interface Shared {
  mesh: string;
}

interface Item {
  type: string;
  mesh?: string;
  name: string;
  creationTime?: string;
  modificationTime?: string;
  [field: string]: unknown;
}

export interface ResourceListAnswer {
  total: number;
  items: Item[];
  next: string | null;
}

/** Finds the kind that a word of the command line stands for: singular, plural, or the type itself. */
export function kindOfArgument(word: string): Kind {
  const wanted = word.toLowerCase();
  const kind = kinds.find(
    (one) => one.singular === wanted || one.plural === wanted || one.path === wanted || one.type.toLowerCase() === wanted,
  );
  if (kind === undefined) {
    throw new CtlError(
      `unknown TYPE: ${word}. Allowed values: ${kinds
        .filter((one) => !one.readOnly)
        .map((one) => one.singular)
        .sort()
        .join(", ")}`,
    );
  }
  return kind;
}

const applyExamples = `
Examples:
  atollctl apply -f meshes.yaml --show-revision
  cat route.yaml | atollctl apply -f - -v host=shop.example
  atollctl apply -f gateway-and-routes.yaml --atomic --reason "move /orders to v2"

Documents may be in the universal form (type: Mesh) or the Kubernetes form (apiVersion: kuma.io/v1alpha1).`;

/** `apply`, `get`, `delete`, `export`. */
export function addResourceCommands(program: Command, client: () => ApiClient): void {
  program
    .command("apply")
    .description("Create or update resources: one change set per document, or one for all with --atomic")
    .requiredOption("-f, --file <source>", "file, URL, or - for standard input; may hold several documents")
    .option("-v, --var <name=value...>", "values for {{ name }} in the documents", collect)
    .option("--dry-run", "check the documents here and print them; sends nothing")
    .option("--atomic", "all documents as one change set, so one revision: all of them are stored, or none")
    .option("--reason <text>", "why, for the history (needs --atomic)")
    .option("--show-revision", "print the revision of each change; /revisions/N/status says where it is in force")
    .addHelpText("after", applyExamples)
    .action(
      async (flags: { file: string; var?: string[]; dryRun?: boolean; atomic?: boolean; reason?: string; showRevision?: boolean }) => {
        const documents = parseResources(fillTemplate(await readSource(flags.file), flags.var ?? []));
        if (flags.dryRun) {
          process.stdout.write(documents.map(({ raw }) => stringify(raw)).join("---\n"));
          return;
        }
        const said = (answer: { headers: Record<string, string | string[] | undefined>; text: string }) => {
          for (const warning of (JSON.parse(answer.text || "{}") as { warnings?: string[] }).warnings ?? [])
            console.error(`Warning: ${warning}`);
          if (flags.showRevision) console.log(`revision ${String(answer.headers["atoll-revision"])}`);
        };
        if (flags.atomic) {
          const answer = await client().call("POST", "/changes", { resources: documents.map(({ raw }) => raw), reason: flags.reason });
          if (answer.status !== 200) throw new CtlError(describeProblem(answer));
          said(answer);
          return;
        }
        for (const { resource, kind } of documents) {
          const body = renderDocument({ ...resource, creationTime: zeroTime, modificationTime: zeroTime, revision: 0 }, "universal");
          const answer = await client().call("PUT", itemPath(kind, resource.mesh, resource.name), body);
          if (answer.status !== 200 && answer.status !== 201) throw new CtlError(describeProblem(answer));
          said(answer);
        }
      },
    );

  program
    .command("get <type> [name]")
    .description("Show resources. TYPE is a kind in singular or plural: mesh, dataplanes, meshgateways, traffic-permissions, secrets, ...")
    .option("-m, --mesh <mesh>", "mesh to look in", "default")
    .option("-o, --output <format>", "table, yaml or json", "table")
    .option("--size <n>", "how many to show at most")
    .option("--offset <text>", "where to go on, as the previous page said")
    .action(async (type: string, name: string | undefined, flags: Shared & { output: string; size?: string; offset?: string }) => {
      checkOutput(flags.output);
      const kind = kindOfArgument(type);
      const query = new URLSearchParams({
        ...(flags.size && { size: flags.size }),
        ...(flags.offset && { offset: flags.offset }),
      }).toString();
      const path = name === undefined ? collectionPath(kind, flags.mesh) + (query && `?${query}`) : itemPath(kind, flags.mesh, name);
      const answer = await client().call("GET", path);
      if (answer.status === 404) throw new CtlError("No resources found" + (kind.scope === "mesh" ? ` in ${flags.mesh} mesh` : ""));
      if (answer.status !== 200) throw new CtlError(describeProblem(answer));
      const body = JSON.parse(answer.text) as Item | ResourceListAnswer;
      if (flags.output === "json") process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
      else if (flags.output === "yaml") process.stdout.write(name === undefined ? renderYaml(body) : renderResourceYaml(body as Item));
      else {
        const items = name === undefined ? (body as ResourceListAnswer).items : [body as Item];
        process.stdout.write(resourceTable(kind, items, new Date()));
        const next = name === undefined ? (body as ResourceListAnswer).next : null;
        if (next)
          console.log(
            `Rerun command with --offset=${new URL(next, "http://next").searchParams.get("offset")} argument to retrieve more resources`,
          );
      }
    });

  program
    .command("delete <type> <name>")
    .description("Delete a resource")
    .option("-m, --mesh <mesh>", "mesh of the resource", "default")
    .action(async (type: string, name: string, flags: Shared) => {
      const kind = kindOfArgument(type);
      const answer = await client().call("DELETE", itemPath(kind, flags.mesh, name));
      if (answer.status === 404) throw new CtlError(`there is no ${kind.type} with name "${name}"`);
      if (answer.status !== 200) throw new CtlError(describeProblem(answer));
      console.log(`deleted ${kind.type} "${name}"`);
    });

  program
    .command("export")
    .description("Print every resource as YAML documents, meshes first, secrets in clear text; apply -f reads them")
    .option("--profile <profile>", "all, or federation: only what people write on global", "all")
    .action(async (flags: { profile: string }) => {
      process.stdout.write((await exportAll(client(), flags.profile)).map((one) => stringify(one)).join("---\n"));
    });
}

const zeroTime = "0001-01-01T00:00:00Z";

async function exportAll(client: ApiClient, profile: string): Promise<Item[]> {
  const { resources } = await client.json<{
    resources: { name: string; path: string; scope: string; readOnly: boolean; includeInFederation: boolean }[];
  }>("GET", "/_resources");
  const wanted = resources.filter((one) => (profile === "federation" ? one.includeInFederation : !one.name.endsWith("Insight")));
  // Meshes first, so that the whole can be applied in the order it is printed.
  wanted.sort((a, b) => Number(b.name === "Mesh") - Number(a.name === "Mesh") || (a.name < b.name ? -1 : 1));
  const found: Item[] = [];
  for (const { path } of wanted) {
    for (let offset = "0"; ;) {
      const page = await client.json<ResourceListAnswer>("GET", `/${path}?size=1000&offset=${offset}`);
      for (const { creationTime: _created, modificationTime: _modified, ...document } of page.items) found.push(document as Item);
      if (page.next === null) break;
      offset = new URL(page.next, "http://next").searchParams.get("offset") ?? "0";
    }
  }
  return found;
}

function resourceTable(kind: Kind, items: readonly Item[], now: Date): string {
  if (kind.type === "Mesh") return meshTable(items, now);
  if (kind.type === "Dataplane") {
    return renderTable(
      ["MESH", "NAME", "TAGS", "ADDRESS", "AGE"],
      items.map((item) => {
        const networking = item.networking as {
          address?: string;
          inbound?: { tags?: Record<string, string> }[];
          gateway?: { tags?: Record<string, string> };
        };
        const tags = [
          ...(networking.inbound ?? []).map((one) => one.tags ?? {}),
          ...(networking.gateway ? [networking.gateway.tags ?? {}] : []),
        ];
        return [item.mesh ?? "", item.name, renderTags(tags), networking.address ?? "", age(item.creationTime, now)];
      }),
    );
  }
  if (kind.type === "ExternalService") {
    return renderTable(
      ["MESH", "NAME", "TAGS", "ADDRESS", "AGE"],
      items.map((item) => [
        item.mesh ?? "",
        item.name,
        renderTags([item.tags as Record<string, string>]),
        (item.networking as { address: string }).address,
        age(item.creationTime, now),
      ]),
    );
  }
  return kind.scope === "mesh"
    ? renderTable(
        ["MESH", "NAME", "AGE"],
        items.map((item) => [item.mesh ?? "", item.name, age(item.creationTime, now)]),
      )
    : renderTable(
        ["NAME", "AGE"],
        items.map((item) => [item.name, age(item.creationTime, now)]),
      );
}

function meshTable(items: readonly Item[], now: Date): string {
  interface Backends {
    enabledBackend?: string;
    defaultBackend?: string;
    backends?: { name: string; type: string }[];
  }
  const backend = (section: unknown, key: "enabledBackend" | "defaultBackend") => {
    const { backends = [], ...rest } = (section ?? {}) as Backends;
    const found = backends.find((one) => one.name === rest[key]);
    return found === undefined ? "off" : `${found.type}/${found.name}`;
  };
  return renderTable(
    ["NAME", "mTLS", "METRICS", "LOGGING", "TRACING", "LOCALITY", "ZONEEGRESS", "AGE"],
    items.map((item) => {
      const routing = (item.routing ?? {}) as { localityAwareLoadBalancing?: boolean; zoneEgress?: boolean };
      return [
        item.name,
        backend(item.mtls, "enabledBackend"),
        backend(item.metrics, "enabledBackend"),
        backend(item.logging, "defaultBackend"),
        backend(item.tracing, "defaultBackend"),
        routing.localityAwareLoadBalancing ? "on" : "off",
        routing.zoneEgress ? "on" : "off",
        age(item.creationTime, now),
      ];
    }),
  );
}

function checkOutput(format: string): void {
  if (!["table", "yaml", "json"].includes(format)) throw new CtlError(`--output: "${format}" is not one of table, yaml, json`);
}

const collect = (value: string, previous: string[] = []): string[] => [...previous, ...value.split(",")];
