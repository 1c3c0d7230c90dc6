{{- define "atoll.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "atoll.controlPlane" -}}
{{ include "atoll.name" . }}-control-plane
{{- end -}}

{{- define "atoll.service" -}}
{{ default (include "atoll.controlPlane" .) .Values.controlPlane.service.name }}
{{- end -}}

{{- define "atoll.selector" -}}
app.kubernetes.io/name: {{ include "atoll.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "atoll.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "atoll.selector" . }}
{{- end -}}

{{- define "atoll.controlPlaneLabels" -}}
app: {{ include "atoll.controlPlane" . }}
{{- range $key, $value := .Values.controlPlane.extraLabels }}
{{ $key | quote }}: {{ $value | quote }}
{{- end }}
{{ include "atoll.labels" . }}
{{- end -}}

{{- /* Of a zone proxy: a dict of root and name, ingress or egress. */ -}}
{{- define "atoll.zoneProxyLabels" -}}
app: {{ include "atoll.name" .root }}-{{ .name }}
{{- range $key, $value := (index .root.Values .name).extraLabels }}
{{ $key | quote }}: {{ $value | quote }}
{{- end }}
{{ include "atoll.labels" .root }}
{{- end -}}

{{- /* A dict of root and image. */ -}}
{{- define "atoll.image" -}}
{{ .image.registry | default .root.Values.global.image.registry }}/{{ .image.repository | required "an image needs a repository" }}:{{ .image.tag | default .root.Values.global.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- /* global, zone, or alone: a zone with a global of its own. */ -}}
{{- define "atoll.role" -}}
{{- if eq .Values.controlPlane.mode "global" -}}
global
{{- else if .Values.controlPlane.kdsGlobalAddress -}}
zone
{{- else -}}
alone
{{- end -}}
{{- end -}}

{{- define "atoll.zone" -}}
{{ .Values.controlPlane.zone | default "default" }}
{{- end -}}

{{- define "atoll.onKubernetes" -}}
{{- if ne .Values.controlPlane.environment "universal" }}yes{{ end -}}
{{- end -}}

{{- define "atoll.certificateSecret" -}}
{{ .Values.controlPlane.tls.general.secretName | default (printf "%s-tls-cert" (include "atoll.name" .)) }}
{{- end -}}

{{- define "atoll.authoritySecret" -}}
{{ .Values.controlPlane.tls.general.caSecretName | default (include "atoll.certificateSecret" .) }}
{{- end -}}

{{- /* What `podSpec` says beside containers and volumes: values of the control plane or of a zone proxy as `of`. */ -}}
{{- define "atoll.pod" -}}
{{- with .of.affinity }}
affinity: {{- tpl (toYaml .) $.root | nindent 2 }}
{{- end }}
{{- with .of.topologySpreadConstraints }}
topologySpreadConstraints: {{- tpl (toYaml .) $.root | nindent 2 }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ .account }}
# Variables of Services beside would look like settings: KUMA_INGRESS_PORT.
enableServiceLinks: false
automountServiceAccountToken: {{ .of.automountServiceAccountToken }}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .of.hostNetwork }}
hostNetwork: true
{{- end }}
terminationGracePeriodSeconds: {{ .of.terminationGracePeriodSeconds }}
{{- with .of.dns }}
{{- if .policy }}
dnsPolicy: {{ .policy }}
{{- end }}
{{- if or .config.nameservers .config.searches }}
dnsConfig: {{- toYaml .config | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "atoll.accountToken" -}}
- name: serviceaccount-token
  projected:
    defaultMode: 420
    sources:
      - serviceAccountToken: { expirationSeconds: 3600, path: token }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
      - downwardAPI: { items: [{ path: namespace, fieldRef: { apiVersion: v1, fieldPath: metadata.namespace } }] }
{{- end -}}

{{- define "atoll.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}
