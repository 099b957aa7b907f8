#!/bin/bash
# A copy of the state directory as a tar on stdout, while the server runs. The seal key is not in it.
#
#   docker exec -i openclaw-gateway bash -s <deploy/backup.sh >state.tar
#
# The order is the reverse of a create's: counters, records, then agents' files, so that what is on record is there.
set -euo pipefail
umask 077
cd "${OPENCLAW_STATE_DIR:-$HOME/.openclaw}"
copy=$(mktemp -d ./.backup-XXXXXX)
trap 'rm -rf "$copy"' EXIT
trail=provisioning/audit.jsonl

# 1 is a file that changes or goes while it is read, as files of a running server do.
archive() { tar "$@" || [ $? = 1 ]; }

databases() {
  node - "$copy" <<'JS'
const { existsSync } = require("node:fs");
const { DatabaseSync } = require("node:sqlite");
const copy = (name) => {
  const to = `${process.argv[2]}/provisioning/${name}`;
  new DatabaseSync(`provisioning/${name}`, { readOnly: true }).prepare("VACUUM INTO ?").run(to);
  return to;
};
copy("ledger.sqlite");
// Which closed parts of the trail were moved away; its end is in the trail itself, which goes on meanwhile.
if (existsSync("provisioning/audit-head.sqlite"))
  new DatabaseSync(copy("audit-head.sqlite")).exec("DROP TABLE IF EXISTS head");
JS
}
records() {
  archive -c --exclude='*.sqlite*' --exclude='.*.tmp' --exclude=provisioning/instances --exclude=provisioning/seal.key \
    provisioning | tar -x -C "$copy"
}

if [ -n "${OPENCLAW_PROVISIONING_STORAGE:-}${OPENCLAW_PROVISIONING_STORAGE_FILE:-}" ]; then
  # Counters, records and trail are in Redis, which has a copy of its own: docs/redis.md.
  mkdir "$copy/provisioning"
  attempts=()
else
  attempts=(1 2 3 4 5)
fi
# A restored copy still holds all that an agent held which is deleted between the two: a moment without changes is tried for.
for _ in "${attempts[@]}"; do
  rm -rf "$copy/provisioning"
  mkdir "$copy/provisioning"
  from=$(wc -c <"$trail" || echo 0)
  databases
  records
  tail -c "+$((from + 1))" "$trail" | grep '"phase":' >/dev/null || break
done
# An agent's workspace is there before the agent is: the workspaces are looked for after the agents.
agents=()
[ ! -d agents ] || agents=(agents)
archive -c -C "$copy" provisioning -C "$PWD" "${agents[@]}" --exclude=./provisioning --exclude=./agents \
  --exclude='./.backup-*' .
