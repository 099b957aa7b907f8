/** The user's guide, executed line by line against the built image, as a person would paste it. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { composeCommand, dockerMissing } from "./docker.ts";
import { openShell } from "./shell.ts";

const missing = dockerMissing();
if (missing) console.warn(`skipped: the guide on Docker (${missing})`);

describe.skipIf(missing !== undefined)("the guide on Docker", () => {
  const directory = mkdtempSync(join(tmpdir(), "openclaw-guide-"));
  const token = "e2e-gateway-token";
  const shell = openShell(directory, { OPENCLAW_GATEWAY_TOKEN: token });
  const { paste, fails } = shell;

  beforeAll(async () => {
    for (const entry of [
      "Dockerfile",
      "docker-compose.yml",
      ".dockerignore",
      ".npmrc",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "build.mjs",
      "LICENSE",
      "src",
      "adapters",
      "scripts",
    ]) {
      cpSync(entry, join(directory, entry), { recursive: true });
    }
    // "Add to your .env file"
    writeFileSync(join(directory, ".env"), `OPENCLAW_PROVISIONING_ENABLED=true\nOPENCLAW_GATEWAY_TOKEN=${token}\n`);
    await paste(`docker build --network=host --target openclaw-gateway -t openclaw-provisioning .`);
  });
  afterAll(async () => {
    await paste(`${composeCommand()} down --volumes --timeout 5`).catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  });

  it("adds less than 10 MB to the base image", async () => {
    const sizes = await paste("docker history --format '{{.Size}}' --human=false openclaw-provisioning");
    const base = await paste("docker history --format '{{.Size}}' --human=false node:24-bookworm-slim");
    const sum = (text: string) =>
      text
        .trim()
        .split("\n")
        .reduce((total, line) => total + Number(line), 0);
    expect(sum(sizes) - sum(base)).toBeLessThan(10_000_000);
  });

  it("starts: docker-compose up -d openclaw-gateway", async () => {
    await paste(`${composeCommand()} up -d openclaw-gateway`);
    await paste(
      "for i in $(seq 100); do curl -fsS http://localhost:18789/readyz && exit 0; sleep 0.2; done; docker logs openclaw-gateway; exit 1",
    );
    expect((await paste("docker exec openclaw-gateway id -un")).trim()).toBe("node");
  });

  it("initialises, and again changes nothing", async () => {
    const init = "docker exec openclaw-gateway /bin/bash /app/scripts/docker-init-provisioning.sh";
    const shown = await paste(init);
    const key = /ocp_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}/.exec(shown)?.[0];
    expect(key).toBeDefined();
    shell.variables.AGENT_PROVISIONING_KEY = key!;
    expect(await paste(init)).toMatch(/already/i);
  });

  it("creates an agent by the guide's curl line", async () => {
    const answer = JSON.parse(
      await paste(`curl -sS -X POST http://localhost:18789/api/v1/agents/create \
  -H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}" \
  -H "X-Agent-Provisioning-Key: \${AGENT_PROVISIONING_KEY}" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "my-agent",
    "workspace": "/home/node/.openclaw/workspace-my-agent",
    "model": "claude-sonnet-3.5"
  }'`),
    );
    expect(answer).toMatchObject({ agentId: "my-agent", workspace: "/home/node/.openclaw/workspace-my-agent" });
    expect(await paste("docker exec openclaw-gateway ls /home/node/.openclaw/workspace-my-agent")).toContain(
      "AGENTS.md",
    );
  });

  it("provisions an AI key: providers, a linked key, the agent", async () => {
    shell.variables.ANTHROPIC_MASTER_KEY = "sk-ant-not-a-real-key-0001";
    shell.variables.OPENAI_MASTER_KEY = "sk-not-a-real-key-0002";
    await paste(`docker exec openclaw-gateway node dist/index.js provisioning ai-providers add \
  --provider anthropic \
  --name "Master Anthropic Key" \
  --key "\${ANTHROPIC_MASTER_KEY}"`);
    await paste(`docker exec openclaw-gateway node dist/index.js provisioning ai-providers add \
  --provider openai \
  --name "Master OpenAI Key" \
  --key "\${OPENAI_MASTER_KEY}"`);
    const made =
      await paste(`AI_PROVIDER_KEY_ID=$(docker exec openclaw-gateway node dist/index.js provisioning ai-providers list --json | jq -r '.keys[0].id')
docker exec openclaw-gateway node dist/index.js provisioning agent-keys create \
  --name "Auto-provisioning key" \
  --scopes "agents:create,agents:onboard" \
  --ai-provider-key "\${AI_PROVIDER_KEY_ID}"`);
    shell.variables.AGENT_PROVISIONING_KEY = /ocp_\w+/.exec(made)![0];
    const answer = JSON.parse(
      await paste(`curl -sS -X POST http://localhost:18789/api/v1/agents/create \
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
  }'`),
    );
    expect(answer).toMatchObject({ agentId: "auto-agent", aiKey: { provider: "anthropic", mode: "virtual" } });
    const modes = await paste(
      "docker exec openclaw-gateway stat -c '%a %U' /home/node/.openclaw/agents/auto-agent/agent/auth-profiles.json",
    );
    expect(modes.trim()).toBe("600 node");
  });

  it("lists, gets, onboards by the guide's bodies; refuses to delete until it is allowed", async () => {
    const auth = `-H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}"`;
    const keyed = `${auth} -H "X-Agent-Provisioning-Key: \${AGENT_PROVISIONING_KEY}"`;
    const agents = JSON.parse(await paste(`curl -sS http://localhost:18789/api/v1/agents ${auth}`)).agents;
    expect(agents.map((agent: { agentId: string }) => agent.agentId)).toEqual(["auto-agent", "my-agent"]);
    expect(JSON.parse(await paste(`curl -sS http://localhost:18789/api/v1/agents/my-agent ${auth}`)).status).toBe(
      "needs_auth",
    );
    const onboarded = JSON.parse(
      await paste(`curl -sS -X POST http://localhost:18789/api/v1/agents/my-agent/onboard ${keyed} -d '{
  "steps": ["auth"],
  "auth": {
    "provider": "anthropic",
    "credentials": {
      "apiKey": "sk-ant-..."
    },
    "model": "claude-sonnet-3.5"
  }
}'`),
    );
    expect(onboarded).toMatchObject({ agentId: "my-agent", completed: ["auth"], failed: [] });
    const deleted =
      await paste(`KEY=$(docker exec openclaw-gateway node dist/index.js provisioning agent-keys create --name d --scopes agents:delete --output-key-only)
curl -sS -X DELETE http://localhost:18789/api/v1/agents/my-agent ${auth} -H "X-Agent-Provisioning-Key: $KEY" -d '{"deleteWorkspace": true, "deleteSessions": true}'`);
    expect(JSON.parse(deleted)).toMatchObject({ status: 403, code: "delete_not_allowed" });
    expect(deleted).toContain("gateway.provisioning.allowDelete");
  });

  it("runs the guide's CLI commands", async () => {
    const cli = "docker exec openclaw-gateway node dist/index.js provisioning";
    const added = await paste(
      `${cli} ai-providers add --provider anthropic --name "Master Key" --key "sk-ant-..." --no-verify --json`,
    );
    const providerId = JSON.parse(added).id;
    expect(await paste(`${cli} ai-providers list`)).toContain("Master Key");
    await paste(`${cli} ai-providers revoke ${providerId}`);
    const plain = await paste(
      `${cli} agent-keys create --name "Docker automation" --scopes "agents:create,agents:onboard"`,
    );
    expect(plain).toMatch(/ocp_\w+/);
    const list = JSON.parse(await paste(`${cli} agent-keys list --json`)).keys;
    const { id } = list.find((key: { name: string }) => key.name === "Docker automation");
    expect(await paste(`${cli} agent-keys rotate ${id}`)).toMatch(new RegExp(`ocp_${id}_`));
    await paste(`${cli} agent-keys revoke ${id}`);
    expect(await paste(`${cli} agent-keys list`)).toMatch(/revoked/);
    const wrong = await fails(`${cli} agent-keys create --nmae x`);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("shows the trail, whose files are private", async () => {
    const trail = await paste("docker exec openclaw-gateway cat /home/node/.openclaw/provisioning/audit.jsonl");
    expect(trail).toContain('"agent.create"');
    for (const secret of ["not-a-real-key", shell.variables.AGENT_PROVISIONING_KEY!.slice(-36)])
      expect(trail).not.toContain(secret);
    const modes = await paste(
      "docker exec openclaw-gateway find /home/node/.openclaw/provisioning -type f -not -perm 600",
    );
    expect(modes).toBe("");
    expect(await paste("docker exec openclaw-gateway node dist/index.js provisioning audit verify")).toMatch(
      /whole|ok/i,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const mappings = JSON.parse(
      await paste("docker exec openclaw-gateway cat /home/node/.openclaw/provisioning/ai-key-mappings.json"),
    );
    expect(JSON.stringify(mappings)).toContain("auto-agent");
  });

  it("takes config.json of the guide, and stops within 5 s", async () => {
    await paste(`docker exec -i openclaw-gateway sh -c 'cat > /home/node/.openclaw/config.json' <<'JSON'
{
  // comments are allowed
  "gateway": { "provisioning": { "enabled": true, "basePath": "/api/v1", "maxAgentsPerKey": 100, "rateLimitPerMinute": 10, "allowDelete": true } },
  "logging": { "level": "debug" }
}
JSON`);
    const startedAt = Date.now();
    await paste("docker stop -t 10 openclaw-gateway");
    expect(Date.now() - startedAt).toBeLessThan(6_000);
    await paste(
      "docker start openclaw-gateway && for i in $(seq 100); do curl -fsS http://localhost:18789/readyz && exit 0; sleep 0.2; done; exit 1",
    );
    const deleted =
      await paste(`KEY=$(docker exec openclaw-gateway node dist/index.js provisioning agent-keys create --name d2 --scopes agents:delete --output-key-only)
curl -sS -X DELETE http://localhost:18789/api/v1/agents/my-agent -H "Authorization: Bearer \${OPENCLAW_GATEWAY_TOKEN}" -H "X-Agent-Provisioning-Key: $KEY" -H "Content-Type: application/json" -d '{
  "deleteWorkspace": true,
  "deleteSessions": true
}'`);
    expect(JSON.parse(deleted)).toMatchObject({ agentId: "my-agent", deleted: expect.arrayContaining(["workspace"]) });
    expect(await paste("docker exec openclaw-gateway ls /home/node/.openclaw")).not.toContain("workspace-my-agent");
  });

  it("becomes healthy in Docker's eyes", async () => {
    await paste(
      "for i in $(seq 60); do [ \"$(docker inspect -f '{{.State.Health.Status}}' openclaw-gateway)\" = healthy ] && exit 0; sleep 1; done; exit 1",
    );
  });
});
