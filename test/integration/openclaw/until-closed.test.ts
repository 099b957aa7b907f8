import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { untilClosed } from "../../../adapters/openclaw/until-closed.ts";

describe("until a response is closed", () => {
  const server = createServer();
  afterEach(() => void server.close());

  async function asked(): Promise<{ response: ServerResponse; leave(): void }> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => undefined).write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    const [, response] = (await once(server, "request")) as [unknown, ServerResponse];
    return { response, leave: () => void socket.destroy() };
  }

  test("the client leaves before anybody waits: OpenClaw would count the request as under way for ever", async () => {
    const { response, leave } = await asked();
    const closed = once(response, "close");
    leave();
    await closed;
    await untilClosed(response);
  });

  test("not before it is answered", async () => {
    const { response, leave } = await asked();
    let over = false;
    const waiting = untilClosed(response).then(() => {
      over = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(over).toBe(false);
    response.end("done");
    await waiting;
    leave();
  });
});
