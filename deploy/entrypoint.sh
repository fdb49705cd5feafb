#!/bin/sh
# Writes dagster.yaml, as `make home` does, then becomes the command. In a pod the chart brings it, and DAGSTER_HOME is a
# folder that this user may not make.
set -eu
[ -n "${KUBERNETES_SERVICE_HOST:-}" ] || python -m orchestration.instance
exec "$@"
