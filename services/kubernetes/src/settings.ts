import { injectorSettings } from "./injector-settings.ts";
import { diagnosticsSettings, kafkaSettings, tracingSettings } from "@atoll/runtime";
import { z } from "zod";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);
const port = z.int().min(0).max(65_535);
const relayAddress = z
  .string()
  .regex(/^grpcs?:\/\/[^/,]+:\d+(,grpcs?:\/\/[^/,]+:\d+)*$/, "has to be grpcs://host:port, or several separated by commas");
const httpAddress = z.string().regex(/^https?:\/\/[^/]+(\/.*)?$/, "has to be http://host:port or https://host:port");

/** Settings of the service that joins a cluster to a zone or to global. */
export const kubernetesSettings = z.object({
  /**
   * `zone`: of a global elsewhere. `global`: objects are the configuration of all zones. `standalone`, or a zone without the address of a global: both
   * are in this cluster; objects of the configuration go to global, those of the zone to the zone.
   */
  mode: z.enum(["zone", "global", "standalone"]).default("zone"),
  general: section({
    /** On global: has `global.key` and `zone.key`, which it shares with global. */
    workDir: z.string().min(1).default("~/.atoll/global"),
  }),
  log: section({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"), kafka: kafkaSettings }),
  store: section({
    kubernetes: section({
      /** Namespace of the control plane, of copies and of Secrets. */
      systemNamespace: z.string().min(1).default("kuma-system"),
    }),
    /** Meshes with proxies, and zones that are connected, may be deleted. */
    unsafeDelete: z.boolean().default(false),
  }),
  multizone: section({
    zone: section({
      name: z
        .string()
        .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/, "a zone's name is a DNS label of at most 63 characters")
        .default(""),
      /** Of the global that the zone belongs to; empty: the zone is alone, as in mode `standalone`. */
      globalAddress: z.string().default(""),
      /** Zone token with scope cp, with which this service reads the zone's log and writes through its REST API. */
      token: z.string().optional(),
      tokenFile: z.string().optional(),
      disableOriginLabelValidation: z.boolean().default(false),
    }),
  }),
  zone: section({
    /** Relay of the zone's sync service; several, separated by commas, where the zone has several. */
    address: relayAddress.default("grpcs://127.0.0.1:5686"),
    /** Its REST API. */
    apiUrl: httpAddress.default("http://127.0.0.1:5681"),
    /** PEM that both are verified with. */
    rootCaFile: z.string().optional(),
    tlsSkipVerify: z.boolean().default(false),
  }),
  global: section({
    /** Global's log relay. */
    address: relayAddress.default("grpcs://127.0.0.1:5685"),
    apiUrl: httpAddress.default("http://127.0.0.1:5681"),
    rootCaFile: z.string().optional(),
    tlsSkipVerify: z.boolean().default(false),
  }),
  runtime: section({
    kubernetes: section({
      /** Instead of the service account of the pod. */
      kubeconfig: z.string().optional(),
      controlPlaneServiceName: z.string().default("kuma-control-plane"),
      /** Who may write what control planes alone may: users of the API server. */
      allowedUsers: z.array(z.string()).default([]),
      serviceAccountName: z.string().default("system:serviceaccount:kuma-system:kuma-control-plane"),
      admissionServer: section({
        address: z.string().default("0.0.0.0"),
        /** 0: no webhooks. */
        port: port.default(5443),
        /** Folder of tls.crt, tls.key and, if others signed them, ca.crt. Without: this service makes and renews its own. */
        certDir: z.string().optional(),
      }),
      injector: injectorSettings,
      controllersConcurrency: section({ podController: z.int().min(1).default(10) }),
      leaderElection: section({
        leaseDurationMs: z.int().min(1_000).default(15_000),
        renewDeadlineMs: z.int().min(500).default(10_000),
      }),
      skipMeshOwnerReference: z.boolean().default(false),
      supportGatewaySecretsInAllNamespaces: z.boolean().default(false),
    }),
  }),
  experimental: section({
    /** Proxies as init containers that go on running: Kubernetes 1.29 and later. */
    sidecarContainers: z.boolean().default(false),
  }),
  tracing: tracingSettings,
  diagnostics: diagnosticsSettings,
});

export type KubernetesSettings = z.infer<typeof kubernetesSettings>;
