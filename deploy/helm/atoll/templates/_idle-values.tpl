{{- /* Values of Kuma's chart that are set to something, and have no effect here: a map of names and reasons. */ -}}
{{- define "atoll.idleValues" -}}
{{- $idle := dict -}}
{{- if dig "enabled" false (.Values.cni | default dict) -}}
{{- $idle = set $idle "cni.enabled" "pods redirect their traffic by an init container; there is no CNI plugin" -}}
{{- end -}}
{{- if dig "ebpf" "enabled" false .Values.experimental -}}
{{- $idle = set $idle "experimental.ebpf" "traffic is redirected by iptables" -}}
{{- end -}}
{{- if .Values.postgres -}}
{{- $idle = set $idle "postgres" "the log is the store" -}}
{{- end -}}
{{- range $family := list "policies" "resources" -}}
{{- range $name, $isOn := dig $family dict ($.Values.plugins | default dict) -}}
{{- if not $isOn -}}
{{- $idle = set $idle (printf "plugins.%s.%s" $family $name) "every kind is there" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "installCrdsOnUpgrade" "hooks" "kubectl" "kumactl" "noHelmHooks" "patchSystemNamespace" -}}
{{- if hasKey $.Values $name -}}
{{- $idle = set $idle $name "no hook runs: after an upgrade, atollctl install crds | kubectl apply --server-side -f -" -}}
{{- end -}}
{{- end -}}
{{- if dig "lifecycle" dict .Values.controlPlane -}}
{{- $idle = set $idle "controlPlane.lifecycle" "services end within terminationGracePeriodSeconds when told to" -}}
{{- end -}}
{{- toYaml $idle -}}
{{- end -}}
