#!/bin/sh
# /usr/local/bin/walker, for root: any command of Walker with the environment of the units.
set -eu
set -a
. /etc/walker/walker.env
set +a
# Counters of commands that end at once would stay in the folder for good.
unset PROMETHEUS_MULTIPROC_DIR
for file in /etc/walker/secrets/* /etc/walker/owner/*; do
  [ -e "$file" ] && export "$(basename "$file")_FILE=$file"
done
# WALKER_HOME: another version than the one that runs, to upgrade to it.
cd "${WALKER_HOME:-/opt/walker}"
exec .venv/bin/python -m config.launcher "$@"
