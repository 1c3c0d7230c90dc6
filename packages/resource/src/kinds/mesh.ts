import type { Kind } from "../kind.ts";
import { dataplaneSpec } from "../specs/dataplane.ts";
import { externalServiceSpec } from "../specs/external-service.ts";
import { dataplaneInsightSpec } from "../specs/insight.ts";
import { meshGatewayRouteSpec } from "../specs/mesh-gateway-route.ts";
import { meshGatewaySpec } from "../specs/mesh-gateway.ts";
import { serviceInsightSpec } from "../specs/mesh-insight.ts";
import { secretSpec } from "../specs/secret.ts";
import { validateDataplane } from "../validators/dataplane.ts";
import { validateExternalService } from "../validators/external-service.ts";
import { validateMeshGatewayRoute } from "../validators/mesh-gateway-route.ts";
import { validateMeshGateway } from "../validators/mesh-gateway.ts";
import { defineKind } from "./define-kind.ts";

/** Kinds that live in a mesh and are not policies between services. */
export const meshKinds: readonly Kind[] = [
  defineKind({
    type: "Dataplane",
    scope: "mesh",
    path: "dataplanes",
    flows: ["zoneToGlobal"],
    writable: ["zone"],
    namespaced: true,
    schema: dataplaneSpec,
    validate: validateDataplane,
  }),
  defineKind({
    type: "DataplaneInsight",
    scope: "mesh",
    path: "dataplane-insights",
    args: null,
    flows: ["zoneToGlobal"],
    writable: [],
    namespaced: true,
    schema: dataplaneInsightSpec,
  }),
  defineKind({
    type: "MeshGateway",
    scope: "mesh",
    path: "meshgateways",
    flows: ["globalToZone", "zoneToGlobal"],
    writable: ["global", "zone"],
    schema: meshGatewaySpec,
    validate: validateMeshGateway,
  }),
  defineKind({
    type: "MeshGatewayRoute",
    scope: "mesh",
    path: "meshgatewayroutes",
    flows: ["globalToZone"],
    writable: ["global"],
    policy: true,
    schema: meshGatewayRouteSpec,
    validate: validateMeshGatewayRoute,
  }),
  defineKind({
    type: "ExternalService",
    scope: "mesh",
    path: "external-services",
    flows: ["globalToZone"],
    writable: ["global"],
    schema: externalServiceSpec,
    validate: validateExternalService,
  }),
  defineKind({
    type: "Secret",
    scope: "mesh",
    path: "secrets",
    flows: ["globalToZone"],
    writable: ["global", "zone"],
    adminOnly: true,
    namespaced: true,
    schema: secretSpec,
  }),
  defineKind({
    type: "ServiceInsight",
    scope: "mesh",
    path: "service-insights",
    args: null,
    flows: ["globalToZone"],
    writable: [],
    schema: serviceInsightSpec,
  }),
];
