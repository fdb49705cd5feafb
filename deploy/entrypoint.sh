#!/bin/sh
# Writes dagster.yaml, as `make home` does, then becomes the command.
set -eu
python -m orchestration.instance
exec "$@"
