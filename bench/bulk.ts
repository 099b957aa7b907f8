/** A hundred agents by one call on a real OpenClaw gateway that has 25; then each of them answers with its own key. */
import { provisionedGateway } from "../test/e2e/openclaw/provisioned-gateway.ts";
import { type Row, sample } from "./row.ts";

const there = 25;
const wanted = 100;
const model = "claude-sonnet-3.5";
const autoProvisionAiKey = { provider: "anthropic" };

export async function benchBulk(): Promise<Row[]> {
  const on = await provisionedGateway();
  const bulk = async (prefix: string, count: number): Promise<string[]> => {
    const agents = Array.from({ length: count }, (_, at) => ({ name: `${prefix}-${at}`, model, autoProvisionAiKey }));
    const { body } = await on.gateway.api("POST", "/agents/bulk", { action: "create", agents }, on.key);
    const { results } = body as { results: { agentId?: string }[] };
    const failed = results.find(({ agentId }) => agentId === undefined);
    if (failed) throw new Error(`an agent was not made: ${JSON.stringify(failed)}`);
    return results.map(({ agentId }) => agentId!);
  };
  try {
    await bulk("first", there);
    const from = (await on.gateway.log()).length;
    let made: string[] = [];
    const [took] = await sample(1, async () => {
      made = await bulk("then", wanted);
    });
    const reloads = await on.gateway.reloads(from);
    const turns: number[] = [];
    const left = [...made];
    await Promise.all(
      Array.from({ length: 2 }, async () => {
        for (let id = left.pop(); id !== undefined; id = left.pop()) {
          const turn = await on.gateway.turn(id);
          if (turn.status !== 200) throw new Error(`${id} answered ${turn.status}: ${turn.text}`);
          turns.push(turn.took);
        }
      }),
    );
    for (const id of made) {
      const { body } = await on.gateway.api("GET", `/agents/${id}/usage`);
      const { requests } = (body as { total: { requests: number } }).total;
      if (requests !== 1) throw new Error(`${id} was charged ${requests} requests for one`);
    }
    return [
      { name: `${wanted} agents by one call on a gateway with ${there}`, value: took! / 1_000, unit: "s" },
      { name: "its reloads", value: reloads, unit: "", aim: "<= 3" },
      { name: "of them, answered with their own key", value: turns.length, unit: "" },
    ];
  } finally {
    await on.close();
  }
}
