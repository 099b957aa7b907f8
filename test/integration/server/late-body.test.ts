import { rmSync } from "node:fs";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { parseToken } from "../../../src/domain/token.ts";
import {
  adminClient,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
  token,
} from "../../server-process.ts";

describe("a body that takes its time", () => {
  let stateDir: string;
  let server: ServerProcess;
  beforeAll(async () => {
    stateDir = await makeStateDir();
    server = await startServerProcess(stateDir);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const keyed = (key: string) => ({ authorization: `Bearer ${token}`, "x-agent-provisioning-key": key });

  /** Sends half of a create; @returns a function that sends the rest, and resolves to the answer */
  async function begin(credentials: Record<string, string>, name: string) {
    const body = JSON.stringify({ name });
    const sent = request(`${server.origin}/api/v1/agents/create`, {
      method: "POST",
      headers: { ...credentials, "content-length": String(body.length) },
    });
    const answered = new Promise<{ status: number; code: string }>((resolve, reject) => {
      sent.on("error", reject);
      sent.on("response", (response) => {
        text(response).then((json) => resolve({ status: response.statusCode!, code: JSON.parse(json).code }), reject);
      });
    });
    sent.write(body.slice(0, 5));
    await sleep(200);
    return async () => {
      sent.end(body.slice(5));
      return await answered;
    };
  }

  it("makes an agent as long as its key is good", async () => {
    const { key } = await keyedClient(server.origin);
    const finish = await begin(keyed(key), "in-time");
    expect(await finish()).toMatchObject({ status: 201 });
  });

  it("makes none with a key that was revoked meanwhile", async () => {
    const { key } = await keyedClient(server.origin);
    const finish = await begin(keyed(key), "too-late");
    await adminClient(server.origin).agentKeys.revoke(parseToken(key, "ocp")!.keyId);
    expect(await finish()).toEqual({ status: 401, code: "provisioning_key_invalid" });
  });

  it.each([
    ["that was ended meanwhile", "session-ended", "ended"],
    ["whose key was revoked meanwhile", "session-without-key", "revoked"],
  ] as const)("makes none with a console session %s", async (_, name, what) => {
    const { key } = await keyedClient(server.origin);
    const opener = createClient({ url: server.origin, token, provisioningKey: key });
    const { id, session } = await opener.console.open();
    const finish = await begin({ authorization: `Bearer ${session}` }, name);
    const admin = adminClient(server.origin);
    if (what === "ended") await admin.console.revoke(id!);
    else await admin.agentKeys.revoke(parseToken(key, "ocp")!.keyId);
    expect(await finish()).toEqual({ status: 401, code: "unauthorized" });
  });
});
