import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const names = Array.from({ length: 50 }, (_, at) => `many-${at}`);

describe("fifty agents asked for at once", () => {
  let on: ProvisionedGateway;
  beforeAll(async () => {
    on = await provisionedGateway();
  });
  afterAll(() => on?.close());

  test("are all made, known to the gateway, and answer with their own key", async () => {
    await Promise.all(names.map((name) => on.created(name)));
    const listed = JSON.parse(await on.gateway.cli(["agents", "list", "--json"])) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(names));
    for (const name of [names[0]!, names.at(-1)!]) expect((await on.gateway.turn(name)).status).toBe(200);
  }, 300_000);
});
