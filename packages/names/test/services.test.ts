import { join } from "node:path";
import {
  parseDocument,
  serviceRecordType,
  type DataplaneInsightSpec,
  type DataplaneSpec,
  type Resource,
  type ServiceRecord,
  type ServiceRecordSpec,
  serviceRecordName,
} from "@atoll/resource";
import { golden } from "@atoll/testkit";
import {
  generateMeshServices,
  MeshDataplanes,
  planServiceRecords,
  zoneServices,
  type HostnameGenerator,
  type MeshServiceResource,
  type SharedService,
} from "../src/index.ts";

interface Case {
  /** Says what the case is for. */
  about: string;
  mode?: string;
  mtls?: boolean;
  cidr?: string;
  keepUnused?: number;
  nowSecond?: number;
  /** As a user writes them in the zone; each is a second younger than the one before. */
  resources?: Record<string, unknown>[];
  /** The same on global. */
  global?: Record<string, unknown>[];
  /** MeshServices of other zones. */
  shared?: SharedService[];
  insights?: Record<string, DataplaneInsightSpec>;
  present?: ServiceRecordSpec[];
}

const zone = "east";
const mesh = "default";
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function parsed(documents: Record<string, unknown>[]): Resource[] {
  return documents.map((document, index) => {
    const { labels, ...unlabelled } = document;
    const made = parseDocument(unlabelled);
    if (!made.ok) throw new Error(`${String(document["type"])} is not valid: ${made.parseError ?? JSON.stringify(made.violations)}`);
    const resource = labels === undefined ? made.resource : { ...made.resource, labels: labels as Record<string, string> };
    return { ...resource, creationTime: at(index), modificationTime: at(index), revision: 1 };
  });
}

const readerOf = (all: Resource[]) => ({
  list: <Spec>(type: string, of?: string) =>
    all.filter((one) => one.type === type && (of === undefined || one.mesh === of)) as Resource<Spec>[],
});

golden<Case>(join(import.meta.dirname, "..", "testdata", "services"), (input) => {
  const { mode = "Everywhere", mtls = true, cidr, keepUnused = 100, nowSecond = 100, shared = [], insights = {}, present = [] } = input;
  const own = parsed(input.resources ?? []);
  const config = readerOf(parsed(input.global ?? []));
  const dataplanes = MeshDataplanes.of(readerOf(own).list<DataplaneSpec>("Dataplane", mesh));
  const generated = generateMeshServices({
    ...{ zone, mesh, mode, dataplanes, nowMs: Date.UTC(2026, 0, 1, 0, 0, nowSecond), gracePeriodMs: 10_000 },
    present: readerOf(own).list("MeshService", mesh) as MeshServiceResource[],
  });
  const gone = new Set(generated.delete);
  const made = generated.put.map((draft) => {
    const before = own.find(({ type, name }) => type === draft.type && name === draft.name);
    return { ...draft, creationTime: before?.creationTime ?? at(nowSecond), modificationTime: at(nowSecond), revision: 0 };
  });
  const replaced = new Set(made.map(({ name }) => name));
  const resources = [...own.filter(({ type, name }) => type !== "MeshService" || (!gone.has(name) && !replaced.has(name))), ...made];
  const zoneResources = readerOf(resources);
  const plan = planServiceRecords({
    zone,
    cidrs: { MeshService: cidr ?? "241.0.0.0/8", MeshExternalService: "242.0.0.0/8", MeshMultiZoneService: "243.0.0.0/8" },
    meshes: [
      {
        ...{ name: mesh, hasMutualTls: mtls, shared, dataplanes },
        services: zoneServices(mesh, { config, zoneResources, shared }),
        insightOf: (name) => insights[name],
      },
    ],
    generators: [...zoneResources.list("HostnameGenerator"), ...config.list("HostnameGenerator")] as HostnameGenerator[],
    present: present.map((spec, index) => ({
      ...{ type: serviceRecordType, mesh, name: serviceRecordName(spec.type, spec.name), spec },
      ...{ creationTime: at(index), modificationTime: at(index), revision: 0 },
    })),
    keepUnused,
  });
  const { conflicts, nextDueMs } = generated;
  return {
    yaml: {
      generated: generated.put.map(({ name, labels, spec }) => ({ name, labels, ports: spec.spec.ports })),
      ...(generated.delete.length > 0 ? { deleted: generated.delete } : {}),
      ...(conflicts.length > 0 ? { conflicts } : {}),
      ...(nextDueMs === undefined ? {} : { due: new Date(nextDueMs).toISOString() }),
      records: Object.fromEntries(plan.put.map(({ name, spec: { vip, service } }) => [name, { vip, ...(service && shown(service)) }])),
      ...(plan.delete.length > 0 ? { forgotten: plan.delete.map(({ name }) => name) } : {}),
      ...(plan.without.length > 0 ? { withoutAddress: plan.without.map(({ name }) => name) } : {}),
    },
  };
});

/** One line for each name, and for each reason why there is none. */
const shown = ({ remote, addresses, hostnameGenerators, ...others }: ServiceRecord): object => ({
  ...(remote && { remote: remote.zone }),
  names: addresses.map(({ hostname, hostnameGeneratorRef }) => `${hostname} by ${hostnameGeneratorRef.coreName}`),
  failed: hostnameGenerators.flatMap(({ hostnameGeneratorRef, conditions: [one] }) =>
    one!.status === "True" ? [] : [`${hostnameGeneratorRef.coreName}: ${one!.reason}: ${one!.message}`],
  ),
  ...others,
});
