import { containerPatchKind, gatewayKinds } from "../cluster-kinds.ts";
import type { KubernetesObject, ObjectKind } from "../kubernetes-object.ts";
import { group, type ResourceKind, resourceKinds } from "../resource-kinds.ts";
import { kubernetesOnlySchemas } from "./kubernetes-only-schemas.ts";
import { anything, structuralSchema } from "./structural-schema.ts";

/** The definitions of all kinds of the group kuma.io, sorted by name, as they are applied to a cluster. */
export function customResourceDefinitions(): KubernetesObject[] {
  const own = [containerPatchKind, ...Object.values(gatewayKinds)].map((kind) =>
    definition(kind, {
      properties: kubernetesOnlySchemas[kind.kind]!,
      ...(kubernetesOnlySchemas[kind.kind]!["status"] !== undefined && { subresources: { status: {} } }),
    }),
  );
  return [...resourceKinds.map(ofResource), ...own].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function ofResource(kind: ResourceKind): KubernetesObject {
  const { resource, shortNames, columns } = kind;
  const spec = resource.specSchema === undefined ? anything : structuralSchema(resource.specSchema());
  const properties = {
    // Those of global scope, too: their documents may bring one, which counts for nothing.
    ...(!resource.plugin && { mesh: { type: "string", description: `Mesh of the ${resource.type}.` } }),
    ...(resource.type === "DataplaneInsight" ? { status: anything } : { spec }),
    // Written like everything else: the peer's has no subresource either, and so its users have one update for both.
    ...(resource.hasStatus && { status: { type: "object", ...anything } }),
  };
  return definition(kind, { properties, shortNames, columns });
}

interface Details {
  readonly properties: Readonly<Record<string, object>>;
  readonly shortNames?: readonly string[];
  readonly columns?: readonly object[];
  readonly subresources?: object;
}

function definition(kind: ObjectKind, { properties, shortNames = [], columns = [], subresources }: Details): KubernetesObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${group}` },
    spec: {
      group,
      names: {
        categories: ["kuma"],
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        ...(shortNames.length > 0 && { shortNames }),
        singular: kind.kind.toLowerCase(),
      },
      scope: kind.namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          ...(columns.length > 0 && { additionalPrinterColumns: columns }),
          name: kind.version,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: { type: "object" }, ...properties },
            },
          },
          served: true,
          storage: true,
          ...(subresources && { subresources }),
        },
      ],
    },
  };
}
