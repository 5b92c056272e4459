# Wraps rules.yaml as an object of the Prometheus operator; `make generate` runs it.
cd "$(dirname "$0")"
{
  cat <<'H'
# Made of rules.yaml by `make generate`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ragpipeline
  namespace: ragpipeline-system
  labels:
    app.kubernetes.io/name: ragpipeline-operator
    app.kubernetes.io/instance: ragpipeline
    app.kubernetes.io/part-of: ragpipeline
spec:
H
  sed 's/^./  &/' rules.yaml
} >prometheusrule.yaml
