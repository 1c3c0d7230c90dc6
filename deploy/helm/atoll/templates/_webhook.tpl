{{- /* What every webhook but that of Secrets has: a dict of root, bundle, path, policy, injected (of namespaces that want sidecars alone). */ -}}
{{- define "atoll.webhook" -}}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ .policy }}
namespaceSelector:
  matchExpressions:
    - { key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system] }
    {{- if .injected }}
    - { key: kuma.io/sidecar-injection, operator: In, values: [enabled, "true"] }
    {{- end }}
clientConfig:
  caBundle: {{ .bundle }}
  service: { namespace: {{ .root.Release.Namespace }}, name: {{ include "atoll.service" .root }}, path: {{ .path }} }
{{- end -}}

{{- /* Kinds whose objects go with their Mesh. */ -}}
{{- define "atoll.ownedByMesh" -}}
- circuitbreakers
- externalservices
- faultinjections
- healthchecks
- meshgateways
- meshgatewayroutes
- proxytemplates
- ratelimits
- retries
- timeouts
- trafficlogs
- trafficpermissions
- trafficroutes
- traffictraces
- virtualoutbounds
- meshaccesslogs
- meshcircuitbreakers
- meshfaultinjections
- meshhealthchecks
- meshhttproutes
- meshloadbalancingstrategies
- meshmetrics
- meshpassthroughs
- meshproxypatches
- meshratelimits
- meshretries
- meshtcproutes
- meshtimeouts
- meshtlses
- meshtraces
- meshtrafficpermissions
- hostnamegenerators
- meshexternalservices
- meshmultizoneservices
- meshservices
{{- end -}}
