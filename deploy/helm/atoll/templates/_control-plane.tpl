{{- /* Variables of every service of the control plane, as a map. */ -}}
{{- define "atoll.variables" -}}
{{- $cp := .Values.controlPlane -}}
{{- $role := include "atoll.role" . -}}
{{- $tls := "/etc/atoll/tls" -}}
{{- $variables := dict
  "ATOLL_GENERAL_WORK_DIR" "/var/lib/atoll"
  "ATOLL_GENERAL_TLS_CERT_FILE" (printf "%s/tls.crt" $tls)
  "ATOLL_GENERAL_TLS_KEY_FILE" (printf "%s/tls.key" $tls)
  "ATOLL_LOG_LEVEL" (ternary "silent" $cp.logLevel (eq $cp.logLevel "off"))
  "ATOLL_DIAGNOSTICS_OPEN_METRICS" "true"
  "KUMA_DEFAULTS_SKIP_MESH_CREATION" ($cp.defaults.skipMeshCreation | toString) -}}
{{- if ne $role "global" -}}
{{- $variables = set $variables "KUMA_MULTIZONE_ZONE_NAME" (include "atoll.zone" .) -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_ZONE_TOKEN_FILE" (ternary "/etc/atoll/zone-token/token" "/var/lib/atoll/zone-token" (eq $role "zone")) -}}
{{- $variables = set $variables "ATOLL_RELAY_ADVERTISED_ADDRESS" "grpcs://$(POD_IP):5686" -}}
{{- /* Of the zone in the same pod. */ -}}
{{- $variables = set $variables "ATOLL_ZONE_TLS_SKIP_VERIFY" "true" -}}
{{- end -}}
{{- if eq $role "zone" -}}
{{- $variables = set $variables "KUMA_MULTIZONE_ZONE_GLOBAL_ADDRESS" $cp.kdsGlobalAddress -}}
{{- if or $cp.tls.kdsZoneClient.secretName $cp.tls.kdsZoneClient.create -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE" "/etc/atoll/global-ca/ca.crt" -}}
{{- end -}}
{{- if or $cp.tls.kdsZoneClient.skipVerify (not (or $cp.tls.kdsZoneClient.secretName $cp.tls.kdsZoneClient.create)) -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_ZONE_KDS_TLS_SKIP_VERIFY" "true" -}}
{{- end -}}
{{- else -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_GLOBAL_KDS_ADVERTISED_ADDRESS" "grpcs://$(POD_IP):5685" -}}
{{- if or $cp.tls.kdsGlobalServer.secretName $cp.tls.kdsGlobalServer.create -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_GLOBAL_KDS_TLS_CERT_FILE" "/etc/atoll/kds/tls.crt" -}}
{{- $variables = set $variables "ATOLL_MULTIZONE_GLOBAL_KDS_TLS_KEY_FILE" "/etc/atoll/kds/tls.key" -}}
{{- end -}}
{{- end -}}
{{- if $cp.tls.apiServer.secretName -}}
{{- $variables = set $variables "KUMA_API_SERVER_HTTPS_TLS_CERT_FILE" "/etc/atoll/api/tls.crt" -}}
{{- $variables = set $variables "KUMA_API_SERVER_HTTPS_TLS_KEY_FILE" "/etc/atoll/api/tls.key" -}}
{{- end -}}
{{- if $cp.tls.apiServer.clientCertsSecretName -}}
{{- $variables = set $variables "KUMA_API_SERVER_AUTH_CLIENT_CERTS_DIR" "/etc/atoll/api-clients" -}}
{{- end -}}
{{- toYaml $variables -}}
{{- end -}}

{{- define "atoll.kubernetesVariables" -}}
KUMA_MODE: {{ ternary "global" "zone" (eq .Values.controlPlane.mode "global") }}
KUMA_STORE_KUBERNETES_SYSTEM_NAMESPACE: {{ .Release.Namespace }}
KUMA_RUNTIME_KUBERNETES_CONTROL_PLANE_SERVICE_NAME: {{ include "atoll.service" . }}
KUMA_RUNTIME_KUBERNETES_ADMISSION_SERVER_PORT: {{ .Values.controlPlane.admissionServerPort | quote }}
KUMA_RUNTIME_KUBERNETES_ADMISSION_SERVER_CERT_DIR: /etc/atoll/tls
KUMA_RUNTIME_KUBERNETES_ALLOWED_USERS: system:serviceaccount:{{ .Release.Namespace }}:{{ include "atoll.controlPlane" . }}
KUMA_RUNTIME_KUBERNETES_INJECTOR_CA_CERT_FILE: /etc/atoll/tls/ca.crt
KUMA_RUNTIME_KUBERNETES_INJECTOR_SIDECAR_CONTAINER_IMAGE: {{ include "atoll.image" (dict "root" . "image" .Values.dataPlane.image) }}
KUMA_INJECTOR_INIT_CONTAINER_IMAGE: {{ include "atoll.image" (dict "root" . "image" .Values.dataPlane.initImage) }}
{{- if .Values.dataPlane.dnsLogging }}
KUMA_RUNTIME_KUBERNETES_INJECTOR_BUILTIN_DNS_LOGGING: "true"
{{- end }}
{{- if .Values.transparentProxy.configMap.enabled }}
KUMA_RUNTIME_KUBERNETES_INJECTOR_TRANSPARENT_PROXY_CONFIGMAP_NAME: {{ .Values.transparentProxy.configMap.name }}
{{- end }}
{{- if .Values.experimental.sidecarContainers }}
KUMA_EXPERIMENTAL_SIDECAR_CONTAINERS: "true"
{{- end }}
{{- if .Values.controlPlane.supportGatewaySecretsInAllNamespaces }}
KUMA_RUNTIME_KUBERNETES_SUPPORT_GATEWAY_SECRETS_IN_ALL_NAMESPACES: "true"
{{- end }}
{{- end -}}

{{- /* A container of one service: a dict of root, container, service, port (diagnostics), ports, variables, requests. */ -}}
{{- define "atoll.container" -}}
{{- $cp := .root.Values.controlPlane -}}
- name: {{ .container }}
  image: {{ include "atoll.image" (dict "root" .root "image" $cp.image) }}
  imagePullPolicy: {{ $cp.image.pullPolicy }}
  args: [run, {{ .service }}, --config-file, /etc/atoll/config/config.yaml]
  env:
    - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
    - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
    - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
    {{- $own := merge (dict "ATOLL_DIAGNOSTICS_SERVER_PORT" (.port | toString)) (.variables | default dict) }}
    {{- if eq .service "kubernetes" }}
    {{- $own = merge $own (include "atoll.kubernetesVariables" .root | fromYaml) }}
    {{- end }}
    {{- $variables := mergeOverwrite (include "atoll.variables" .root | fromYaml) $own ($cp.envVars | default dict) }}
    {{- range $name, $value := $variables }}
    - name: {{ $name }}
      value: {{ $value | quote }}
    {{- end }}
    {{- range $entry := $cp.secrets }}
    - name: {{ $entry.Env }}
      valueFrom: { secretKeyRef: { name: {{ $entry.Secret }}, key: {{ $entry.Key }} } }
    {{- end }}
    {{- with $cp.envVarEntries }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - { name: {{ .diagnostics }}, containerPort: {{ .port }} }
    {{- range .ports }}
    - { name: {{ .name }}, containerPort: {{ .port }} }
    {{- end }}
  {{- with $cp.containerSecurityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  livenessProbe:
    httpGet: { path: /healthz, port: {{ .port }} }
    periodSeconds: 10
    failureThreshold: 6
  readinessProbe:
    httpGet: { path: /readyz, port: {{ .port }} }
    periodSeconds: 2
  resources:
    {{- if .requests }}
    requests: {{- toYaml $cp.resources.requests | nindent 6 }}
    {{- end }}
    {{- with $cp.resources.limits }}
    limits: {{- toYaml . | nindent 6 }}
    {{- end }}
  {{- if .waits }}
  lifecycle:
    postStart:
      exec:
        # What runs on this pod's loopback is admin: the zone beside gets its token from here.
        command: [/bin/sh, -c, "{{ .waits }}"]
  {{- end }}
  volumeMounts: {{- include "atoll.mounts" .root | nindent 4 }}
{{- end -}}

{{- define "atoll.mounts" -}}
- { name: work, mountPath: /var/lib/atoll }
- { name: tmp, mountPath: /tmp }
- { name: config, mountPath: /etc/atoll/config, readOnly: true }
- { name: tls, mountPath: /etc/atoll/tls, readOnly: true }
{{- if not .Values.controlPlane.automountServiceAccountToken }}
- { name: serviceaccount-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
{{- end }}
{{- if eq (include "atoll.role" .) "zone" }}
- { name: zone-token, mountPath: /etc/atoll/zone-token, readOnly: true }
{{- end }}
{{- range $volume := include "atoll.optionalSecrets" . | fromYaml }}
- { name: {{ $volume.name }}, mountPath: {{ $volume.path }}, readOnly: true }
{{- end }}
{{- range .Values.controlPlane.extraConfigMaps }}
- { name: {{ .name }}, mountPath: {{ .mountPath }}, readOnly: {{ .readOnly | default false }} }
{{- end }}
{{- range .Values.controlPlane.extraSecrets }}
- { name: {{ .name }}, mountPath: {{ .mountPath }}{{ with .subPath }}, subPath: {{ . }}{{ end }}, readOnly: {{ .readOnly | default false }} }
{{- end }}
{{- end -}}

{{- /* Secrets of certificates that values name: a map of name, path, secret. */ -}}
{{- define "atoll.optionalSecrets" -}}
{{- $tls := .Values.controlPlane.tls -}}
{{- $role := include "atoll.role" . -}}
{{- with $tls.apiServer.secretName }}
a: { name: api-tls, path: /etc/atoll/api, secret: {{ . }} }
{{- end }}
{{- with $tls.apiServer.clientCertsSecretName }}
b: { name: api-clients, path: /etc/atoll/api-clients, secret: {{ . }} }
{{- end }}
{{- if and (ne $role "zone") (or $tls.kdsGlobalServer.secretName $tls.kdsGlobalServer.create) }}
c: { name: kds-tls, path: /etc/atoll/kds, secret: {{ $tls.kdsGlobalServer.secretName | default (printf "%s-kds-global-server-tls" (include "atoll.name" .)) }} }
{{- end }}
{{- if and (eq $role "zone") (or $tls.kdsZoneClient.secretName $tls.kdsZoneClient.create) }}
d: { name: global-ca, path: /etc/atoll/global-ca, secret: {{ $tls.kdsZoneClient.secretName | default (printf "%s-kds-zone-client-tls" (include "atoll.name" .)) }} }
{{- end }}
{{- end -}}
