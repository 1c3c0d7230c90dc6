import type { KubernetesObject } from "@atoll/kubernetes";

type Words = Readonly<Record<string, string>>;

interface TemplateMetadata {
  readonly annotations?: Words;
  readonly labels?: Words;
}

/** What a MeshGatewayInstance and a MeshGatewayConfig have in common. The API server has checked and defaulted it by its schema. */
export interface GatewayInstanceSpec {
  readonly replicas?: number;
  readonly serviceType?: ServiceType;
  /** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.33/#resourcerequirements-v1-core */
  readonly resources?: Readonly<Record<string, unknown>>;
  readonly serviceTemplate?: { readonly metadata?: TemplateMetadata; readonly spec?: { readonly loadBalancerIP?: string } };
  readonly podTemplate?: {
    readonly metadata?: TemplateMetadata;
    readonly spec?: {
      readonly serviceAccountName?: string;
      readonly securityContext?: { readonly fsGroup?: number };
      readonly container?: { readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean } };
    };
  };
  readonly tags?: Words;
}

export type ServiceType = "LoadBalancer" | "ClusterIP" | "NodePort";

export interface GatewayConfigSpec extends GatewayInstanceSpec {
  /** The listeners of a Gateway are for other meshes. */
  readonly crossMesh?: boolean;
}

export const gatewayInstanceSpec = ({ spec }: KubernetesObject): GatewayInstanceSpec => (spec ?? {}) as GatewayInstanceSpec;

export const defaultReplicas = 1;
export const defaultServiceType: ServiceType = "LoadBalancer";
