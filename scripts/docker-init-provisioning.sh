#!/bin/bash
# Makes the first agent provisioning key, and stores the AI providers' master keys that the environment holds
# (ANTHROPIC_MASTER_KEY, OPENAI_MASTER_KEY), linking the key to the first of them. Run again it changes nothing.
#
#   docker exec openclaw-gateway /bin/bash /app/scripts/docker-init-provisioning.sh [--output-key-only]
set -euo pipefail

cd "$(dirname "$0")/.."
exec node dist/index.js provisioning init --name "Docker initial key" "$@"
