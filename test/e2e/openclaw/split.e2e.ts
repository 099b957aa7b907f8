/**
 * The user's guide on `docker-compose.openclaw.yml`: the control plane in one container, OpenClaw itself in another,
 * on a stand-in for its official image. An agent answers, metered, and nothing beside it opens more than it has.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import { composeCommand, dockerMissing } from "../docker.ts";
import { openShell } from "../shell.ts";
import { buildGatewayImage, buildOpenClawImage } from "./images.ts";

const missing = dockerMissing();
if (missing) console.warn(`skipped: the split deployment in Docker (${missing})`);

/** Each has a part that stands nowhere else, to look for. */
const planted = {
  gatewayToken: "planted-gateway-token-81f2c0a7",
  adminToken: "planted-admin-token-5d90be44",
  sealKey: "cGxhbnRlZC1zZWFsLWtleS1vZi0zMi1ieXRlcy0wMDE",
  masterKey: "sk-ant-planted-master-key-7ac3e1f9",
};

// OpenClaw takes from 15 s to two minutes to start, as busy as the machine is.
const timeout = 300_000;

describe.skipIf(missing !== undefined)("the guide on the split deployment", { timeout }, () => {
  const directory = mkdtempSync(join(tmpdir(), "openclaw-split-"));
  const shell = openShell(directory, { OPENCLAW_GATEWAY_TOKEN: planted.gatewayToken });
  const { paste, fails } = shell;
  const compose = composeCommand();
  const cli = "docker exec openclaw-gateway node dist/index.js provisioning";
  const auth = `-H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}"`;
  const keyed = `${auth} -H "X-Agent-Provisioning-Key: \${AGENT_PROVISIONING_KEY}"`;
  const api = "http://localhost:18789/api/v1";
  let upstream: SampleUpstream | undefined;

  const asks = async (script: string) => JSON.parse(await paste(script));
  /** Not `/readyz`, which tells of the gateway what was known some seconds ago. */
  const ready = async () => {
    const list = `curl -sS -m 5 ${api}/agents ${auth} | jq -e '.unreachable == null'`;
    const tell = "docker logs --tail 40 openclaw-gateway >&2; docker logs --tail 80 openclaw-agents >&2";
    await paste(`for i in $(seq 250); do ${list} && exit 0; sleep 1; done; ${tell}; exit 1`);
  };
  /** One message to an agent, by OpenClaw's own command. */
  const turn = (agentId: string) =>
    paste(`docker exec openclaw-agents node dist/index.js agent --agent ${agentId} --message "hello" --json`);
  const inside = (container: string, user: string, script: string) =>
    paste(`docker exec -i -u ${user} ${container} bash -s <<'SCRIPT'\n${script}\nSCRIPT`);
  const chargedTo = async (agentId: string): Promise<number> =>
    (await asks(`curl -sS ${api}/agents/${agentId}/usage ${auth}`)).total.requests;

  beforeAll(async () => {
    await buildOpenClawImage();
    await buildGatewayImage();
    for (const file of ["docker-compose.yml", "docker-compose.openclaw.yml"]) cpSync(file, join(directory, file));
    const env = {
      COMPOSE_FILE: "docker-compose.yml:docker-compose.openclaw.yml",
      OPENCLAW_PROVISIONING_ENABLED: "true",
      OPENCLAW_GATEWAY_TOKEN: planted.gatewayToken,
      OPENCLAW_ADMIN_TOKEN: planted.adminToken,
      OPENCLAW_PROVISIONING_SEAL_KEY: planted.sealKey,
    };
    const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(directory, ".env"), lines.join(""));
  });
  afterAll(async () => {
    await paste(`${compose} down --volumes --timeout 5`).catch(() => undefined);
    await upstream?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("starts both by one command; while the agents' gateway still starts, keys are made and creates told to wait", async () => {
    await paste(`${compose} up -d openclaw-gateway`);
    await paste("for i in $(seq 400); do curl -fsS http://localhost:18789/healthz && exit 0; sleep 0.1; done; exit 1");
    const shown = await paste("docker exec openclaw-gateway /bin/bash /app/scripts/docker-init-provisioning.sh");
    shell.variables.AGENT_PROVISIONING_KEY = /ocp_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}/.exec(shown)![0];
    const early = await paste(
      `curl -sS -i -X POST ${api}/agents/create ${keyed} -H "Content-Type: application/json" -d '{"name": "too-early"}'`,
    );
    expect(early).toMatch(/^HTTP\/1\.1 503 /);
    expect(early.toLowerCase()).toContain("retry-after: 5");
    expect(early).toContain("host_unavailable");
    await ready();
  });

  it("creates an agent by the guide's curl line, in the container of the agents alone", async () => {
    const answer = await asks(`curl -sS -X POST http://localhost:18789/api/v1/agents/create \
  -H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}" \
  -H "X-Agent-Provisioning-Key: \${AGENT_PROVISIONING_KEY}" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "my-agent",
    "workspace": "/home/node/.openclaw/workspace-my-agent",
    "model": "claude-sonnet-3.5"
  }'`);
    const workspace = "/home/node/.openclaw/workspace-my-agent";
    expect(answer).toMatchObject({ agentId: "my-agent", workspace, gateway: "agents" });
    expect(await paste(`docker exec openclaw-agents ls ${workspace}`)).toContain("AGENTS.md");
    await fails(`docker exec openclaw-gateway ls ${workspace}`);
  });

  it("gives an agent a key of its own, with which it answers, metered", async () => {
    const network = "docker inspect -f '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}' openclaw-gateway";
    upstream = await startSampleUpstream({ host: (await paste(network)).trim() });
    upstream.behave({ usesTools: false });
    shell.variables.BASE_URL = upstream.origin;
    shell.variables.ANTHROPIC_MASTER_KEY = planted.masterKey;
    await paste(`docker exec openclaw-gateway node dist/index.js provisioning ai-providers add \
  --provider anthropic \
  --name "Master Anthropic Key" \
  --key "\${ANTHROPIC_MASTER_KEY}" --base-url "\${BASE_URL}"`);
    const made =
      await paste(`AI_PROVIDER_KEY_ID=$(docker exec openclaw-gateway node dist/index.js provisioning ai-providers list --json | jq -r '.keys[0].id')
docker exec openclaw-gateway node dist/index.js provisioning agent-keys create \
  --name "Auto-provisioning key" \
  --scopes "agents:create,agents:onboard" \
  --ai-provider-key "\${AI_PROVIDER_KEY_ID}"`);
    shell.variables.AGENT_PROVISIONING_KEY = /ocp_\w+/.exec(made)![0];
    const answer = await asks(`curl -sS -X POST http://localhost:18789/api/v1/agents/create \
  -H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}" \
  -H "X-Agent-Provisioning-Key: \${AGENT_PROVISIONING_KEY}" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "auto-agent",
    "workspace": "/home/node/.openclaw/workspace-auto",
    "model": "claude-sonnet-3.5",
    "autoProvisionAiKey": {
      "provider": "anthropic",
      "quotas": {
        "maxTokensPerMonth": 1000000
      }
    }
  }'`);
    const baseUrl = "http://openclaw-gateway:18789/proxy/anthropic";
    expect(answer).toMatchObject({ agentId: "auto-agent", aiKey: { provider: "anthropic", mode: "virtual", baseUrl } });
    await turn("auto-agent");
    const asked = upstream.seen.filter(({ url }) => url.endsWith("/v1/messages"));
    expect(asked.map(({ headers }) => headers["x-api-key"])).toEqual([planted.masterKey]);
    expect(await chargedTo("auto-agent")).toBe(1);
  });

  it("lists, gets, onboards by the guide's bodies; refuses to delete until it is allowed", async () => {
    const { agents } = await asks(`curl -sS ${api}/agents ${auth}`);
    const ids = agents.map((agent: { agentId: string }) => agent.agentId);
    expect(ids).toEqual(expect.arrayContaining(["auto-agent", "my-agent"]));
    expect((await asks(`curl -sS ${api}/agents/my-agent ${auth}`)).status).toBe("needs_auth");
    const onboarded = await asks(`curl -sS -X POST ${api}/agents/my-agent/onboard ${keyed} -d '{
  "steps": ["auth"],
  "auth": {
    "provider": "anthropic",
    "credentials": {
      "apiKey": "sk-ant-..."
    },
    "model": "claude-sonnet-3.5"
  }
}'`);
    expect(onboarded).toMatchObject({ agentId: "my-agent", completed: ["auth"], failed: [] });
    const refused = await asks(`KEY=$(${cli} agent-keys create --name d --scopes agents:delete --output-key-only)
curl -sS -X DELETE ${api}/agents/my-agent ${auth} -H "X-Agent-Provisioning-Key: $KEY" -d '{"deleteWorkspace": true, "deleteSessions": true}'`);
    expect(refused).toMatchObject({ status: 403, code: "delete_not_allowed" });
  });

  it("shows the trail, which is whole", async () => {
    const trail = await paste("docker exec openclaw-gateway cat /home/node/.openclaw/provisioning/audit.jsonl");
    expect(trail).toContain('"agent.create"');
    expect(await paste(`${cli} audit verify`)).toMatch(/whole/);
    expect(await paste(`${cli} agent-keys list`)).toContain("Auto-provisioning key");
    expect(await paste(`${cli} ai-providers list`)).toContain("Master Anthropic Key");
  });

  it("keeps beside the agents no master key, seal key, admin token or gateway token, in files, environments or arguments", async () => {
    const digest = await inside("openclaw-agents", "node", "cat /home/node/openclaw-link/control-plane.sha256");
    expect(digest).toMatch(/^[0-9a-f]{64}\n$/);
    const secrets = [...Object.values(planted), shell.variables.AGENT_PROVISIONING_KEY!.slice(-36)];
    // A container's root does not see the environment of another user, and mounts are file systems of their own.
    const everywhere = "/ /home/node/.openclaw /home/node/openclaw-link /dev/shm";
    const look = (container: string, user: "root" | "node", places: string) =>
      inside(
        container,
        user,
        `patterns=$(mktemp) && trap 'rm -f "$patterns"' EXIT
printf '%s\n' ${secrets.map((secret) => `'${secret}'`).join(" ")} >"$patterns"
{
  grep -laF -f "$patterns" /proc/[0-9]*/environ /proc/[0-9]*/cmdline
  find ${places} -xdev -type f ! -path "$patterns" -print0 | xargs -0 grep -laF -f "$patterns"
} 2>/dev/null | sort -u`,
      );
    expect(await look("openclaw-agents", "root", everywhere)).toBe("");
    expect(await look("openclaw-agents", "node", "/home/node /home/node/.openclaw")).toBe("");
    const files = (await inside("openclaw-agents", "node", "ls -A /home/node/.openclaw/provisioning")).split("\n");
    expect(files).toContain("agents");
    for (const file of ["seal.key", "ai-providers.json", "keys.json"]) expect(files).not.toContain(file);
    // The same look finds them where they are.
    await inside("openclaw-gateway", "node", `echo '${planted.masterKey}' >/home/node/.openclaw/there`);
    expect(await look("openclaw-gateway", "node", "/home/node/.openclaw")).toMatch(
      /^\/home\/node\/\.openclaw\/there\n[\s\S]*\/proc\/1\/environ\n/,
    );
    await inside("openclaw-gateway", "node", "rm /home/node/.openclaw/there");
  });

  it("opens the control plane to nothing that the agents' container holds, nor the other way round", async () => {
    const config = await inside("openclaw-agents", "node", "cat /home/node/.openclaw/openclaw.json");
    const { token } = JSON.parse(config).gateway.auth as { token: string };
    expect(token).toMatch(/^[\w-]{43}$/);
    const calls = await inside(
      "openclaw-agents",
      "node",
      `token=${token} node --input-type=module -e '
const bearer = { authorization: "Bearer " + process.env.token };
const url = "http://openclaw-gateway:18789/api/v1/agents";
for (const headers of [{}, bearer, { ...bearer, "x-agent-provisioning-key": process.env.token }])
  for (const [path, method] of [["", "GET"], ["/create", "POST"]])
    console.log((await fetch(url + path, { method, headers })).status);'`,
    );
    expect(calls.trim().split("\n")).toEqual(Array(6).fill("401"));
    const agentsApi = "curl -sS -o /dev/null -w '%{http_code}' http://localhost:18790/api/v1/agents -H";
    expect(await paste(`${agentsApi} "Authorization: Bearer ${token}"`)).toBe("401");
    expect(await paste(`${agentsApi} ${auth.slice(3)}`)).toBe("401");
    expect(await paste(`curl -sS -o /dev/null -w '%{http_code}' http://localhost:18790/ ${auth}`)).toBe("200");
    const commands = await fails("docker exec openclaw-agents node dist/index.js provisioning agent-keys list");
    expect(commands.stderr).toContain("docker exec openclaw-gateway node dist/index.js provisioning");
    const log = await paste("docker logs openclaw-agents 2>&1");
    expect(log).toContain("has agents for a control plane, and holds their own keys only");
  });

  it("goes on when the agents' gateway is started anew, whatever it left half made", async () => {
    const half = "/home/node/.openclaw/agents/half/agent";
    const database = `${half}/openclaw-agent.sqlite`;
    await paste("docker stop openclaw-agents");
    // As a kill leaves it.
    await paste(`docker run --rm --volumes-from openclaw-agents --entrypoint /bin/sh openclaw-provisioning:openclaw \
  -c "mkdir -p ${half}; : > ${database}; touch -d '1 minute ago' ${database}"`);
    await paste("docker start openclaw-agents");
    expect(await asks(`curl -sS ${api}/agents/auto-agent ${auth}`)).toMatchObject({
      agentId: "auto-agent",
      health: { host: "unreachable" },
    });
    expect(await paste("curl -fsS http://localhost:18789/healthz")).toContain("ok");
    await ready();
    await turn("auto-agent");
    expect(await chargedTo("auto-agent")).toBe(2);
    expect(await paste("docker logs openclaw-agents 2>&1")).toMatch(/^fixed +left behind/m);
    expect(await inside("openclaw-agents", "node", `ls ${half}`)).toContain("half-made");
  });

  it("loses nothing when the control plane is killed in the middle of a create, and takes config.json", async () => {
    const config = { gateway: { provisioning: { allowDelete: true } } };
    await paste(
      `docker exec -i openclaw-gateway sh -c 'cat > /home/node/.openclaw/config.json' <<'JSON'\n${JSON.stringify(config)}\nJSON`,
    );
    const create = `curl -sS -X POST ${api}/agents/create ${keyed} -H "Idempotency-Key: killed" \
  -d '{"name": "killed", "model": "claude-sonnet-3.5", "autoProvisionAiKey": {"provider": "anthropic"}}'`;
    const cut = paste(create).catch((error: unknown) => error);
    const trail = "/home/node/.openclaw/provisioning/audit.jsonl";
    await inside(
      "openclaw-gateway",
      "node",
      `for i in $(seq 500); do grep -q '"killed"' ${trail} && exit 0; sleep 0.02; done; exit 1`,
    );
    await paste("docker kill -s KILL openclaw-gateway");
    expect(await cut).toBeInstanceOf(Error);
    await paste("docker start openclaw-gateway");
    await ready();
    const settled = `for i in $(seq 20); do
  answer=$(${create}) && jq -e '.code != "idempotency_in_flight"' <<<"$answer" >/dev/null && break; sleep 7
done; echo "$answer"`;
    const again = await asks(settled);
    expect(again).toMatchObject({ agentId: "killed", aiKey: { mode: "virtual" } });
    await turn("killed");
    expect(await chargedTo("killed")).toBe(1);
    expect(await paste(`${cli} doctor`)).toMatch(/orphans.*none/);
  });

  it("deletes an agent, from both", async () => {
    const deleted = await asks(`KEY=$(${cli} agent-keys create --name d2 --scopes agents:delete --output-key-only)
curl -sS -X DELETE ${api}/agents/auto-agent ${auth} -H "X-Agent-Provisioning-Key: $KEY" -H "Content-Type: application/json" -d '{
  "deleteWorkspace": true,
  "deleteSessions": true
}'`);
    // A gateway so slow that the first answer was lost has no more to tell than that it is gone.
    expect(deleted).toMatchObject({ agentId: "auto-agent", deleted: expect.arrayContaining(["entry"]) });
    expect(await paste("docker exec openclaw-agents ls /home/node/.openclaw")).not.toContain("workspace-auto");
  });

  it("is healthy in Docker's eyes, both halves", async () => {
    for (const container of ["openclaw-gateway", "openclaw-agents"]) {
      await paste(
        `for i in $(seq 90); do [ "$(docker inspect -f '{{.State.Health.Status}}' ${container})" = healthy ] && exit 0; sleep 1; done; exit 1`,
      );
    }
  });
});
