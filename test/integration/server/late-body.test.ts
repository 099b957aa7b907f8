import { rmSync } from "node:fs";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

  /** Sends half of a create; @returns a function that sends the rest, and resolves to the answer */
  async function begin(key: string, name: string) {
    const body = JSON.stringify({ name });
    const sent = request(`${server.origin}/api/v1/agents/create`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "x-agent-provisioning-key": key,
        "content-length": String(body.length),
      },
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
    const finish = await begin(key, "in-time");
    expect(await finish()).toMatchObject({ status: 201 });
  });

  it("makes none with a key that was revoked meanwhile", async () => {
    const { key } = await keyedClient(server.origin);
    const finish = await begin(key, "too-late");
    await adminClient(server.origin).agentKeys.revoke(parseToken(key, "ocp")!.keyId);
    expect(await finish()).toEqual({ status: 401, code: "provisioning_key_invalid" });
  });
});
