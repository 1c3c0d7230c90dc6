{{- /* How a Service is reached from outside: values of a `service`. */ -}}
{{- define "atoll.serviceAddress" -}}
type: {{ .type }}
{{- with .loadBalancerIP }}
loadBalancerIP: {{ . }}
{{- end }}
{{- with .loadBalancerSourceRanges }}
loadBalancerSourceRanges: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
