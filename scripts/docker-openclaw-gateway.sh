#!/bin/bash
# Entry point of the OpenClaw image with the plugin: links the plugin into the state directory, which is a volume and
# so starts without it, and runs OpenClaw. The link is a path: a newer image brings a newer plugin by itself.
set -euo pipefail

cd "$(dirname "$0")/.."
plugin=$PWD/plugins/openclaw-provisioning
if ! grep -qsF "$plugin" "${OPENCLAW_STATE_DIR:-$HOME/.openclaw}/openclaw.json"; then
  node dist/index.js plugins install --link "$plugin" --force --accept-capabilities
fi
exec node dist/index.js "$@"
