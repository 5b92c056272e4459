{{- define "ragpipeline.base" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 43 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 43 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 43 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* The longest child, <base>-operator-metrics, is a Service: at most 63 characters. */ -}}
{{- define "ragpipeline.operator" -}}
{{ include "ragpipeline.base" . }}-operator
{{- end }}

{{- define "ragpipeline.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "ragpipeline.operator" .) }}
{{- else }}{{ required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ragpipeline.image" -}}
{{- with .Values.imageRegistry }}{{ . }}/{{ end }}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ragpipeline.selector" -}}
app.kubernetes.io/name: ragpipeline-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "ragpipeline.labels" -}}
{{ include "ragpipeline.selector" . }}
app.kubernetes.io/part-of: ragpipeline
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ragpipeline.subject" -}}
- kind: ServiceAccount
  name: {{ include "ragpipeline.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
