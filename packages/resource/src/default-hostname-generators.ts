import type { ResourceDraft } from "./resource.ts";
import type { HostnameGeneratorSpec } from "./specs/service-resources.ts";
import { label } from "./tags.ts";

type Generator = ResourceDraft<HostnameGeneratorSpec>;

const generator = (name: string, spec: HostnameGeneratorSpec, labels?: Record<string, string>): Generator => ({
  type: "HostnameGenerator",
  mesh: "",
  name,
  ...(labels && { labels }),
  spec,
});

const serviceName = `{{ label "k8s.kuma.io/service-name" }}`;
const podName = `{{ label "statefulset.kubernetes.io/pod-name" }}`;
const kubernetes = (isHeadless: boolean): Record<string, string> => ({
  [label.env]: "kubernetes",
  [label.origin]: "global",
  "k8s.kuma.io/is-headless-service": String(isHeadless),
});

/** The generators that a fresh global has: names for what a zone knows from elsewhere. */
export const globalHostnameGenerators: readonly Generator[] = [
  generator("synced-headless-kube-mesh-service", {
    selector: { meshService: { matchLabels: kubernetes(true) } },
    template: `${podName}.${serviceName}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local`,
  }),
  generator("synced-kube-mesh-service", {
    selector: { meshService: { matchLabels: kubernetes(false) } },
    template: "{{ .DisplayName }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local",
  }),
  generator("synced-mesh-external-service", {
    selector: { meshExternalService: { matchLabels: { [label.origin]: "global" } } },
    template: "{{ .DisplayName }}.extsvc.mesh.local",
  }),
  generator("synced-mesh-multi-zone-service", {
    selector: { meshMultiZoneService: { matchLabels: { [label.origin]: "global" } } },
    template: "{{ .DisplayName }}.mzsvc.mesh.local",
  }),
  generator("synced-universal-mesh-service", {
    selector: { meshService: { matchLabels: { [label.env]: "universal", [label.origin]: "global" } } },
    template: "{{ .DisplayName }}.svc.{{ .Zone }}.mesh.local",
  }),
];

const localExternalServices = generator(
  "local-mesh-external-service",
  { selector: { meshExternalService: { matchLabels: { [label.origin]: "zone" } } }, template: "{{ .DisplayName }}.extsvc.mesh.local" },
  { [label.origin]: "zone" },
);
const localServices = generator(
  "local-universal-mesh-service",
  { selector: { meshService: { matchLabels: { [label.origin]: "zone" } } }, template: "{{ .DisplayName }}.svc.mesh.local" },
  { [label.origin]: "zone" },
);

/** The generators that a fresh zone has: names for what is its own. Services of a cluster have a name by its DNS. */
export const zoneHostnameGenerators: Readonly<Record<"universal" | "kubernetes", readonly Generator[]>> = {
  universal: [localExternalServices, localServices],
  kubernetes: [localExternalServices],
};
