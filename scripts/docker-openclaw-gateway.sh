#!/bin/bash
# Entry point of the OpenClaw image with the plugin: links the plugin into the state directory, which is a volume and
# so starts without it, and runs OpenClaw. The link is a path: a newer image brings a newer plugin by itself.
set -euo pipefail
# Process 1 is sent no signal that it does not listen for. What runs ends first: killed, it would leave its leases.
trap 'exit 143' TERM INT

cd "$(dirname "$0")/.."
plugin=$PWD/plugins/openclaw-provisioning
state=${OPENCLAW_STATE_DIR:-$HOME/.openclaw}
config=$state/openclaw.json
# Below a volume that is the cluster's, as a pod's is, the directory that OpenClaw closes has to be its own.
[ -d "$state" ] || mkdir -p -m 700 "$state"

# Beside a control plane the gateway has a token of its own, made here: the one of .env opens the control plane.
if [ "${OPENCLAW_PROVISIONING_ROLE:-}" = agents ] && [ -z "${OPENCLAW_GATEWAY_TOKEN:-}" ] && [ ! -e "$config" ]; then
  token=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
  (umask 077 && printf '{"gateway":{"mode":"local","auth":{"mode":"token","token":"%s"}}}\n' "$token" >"$config.new")
  mv "$config.new" "$config"
fi

if ! grep -qsF "$plugin" "$config"; then
  node dist/index.js plugins install --link "$plugin" --force --accept-capabilities
fi
# Killed, a gateway may have left what OpenClaw does not start beside, or waits for: none of it is needed once it is gone.
if [ "${OPENCLAW_PROVISIONING_ROLE:-}" = agents ] && [ "${1:-}" = gateway ]; then
  node dist/index.js provisioning doctor --fix || true
fi
exec node dist/index.js "$@"
