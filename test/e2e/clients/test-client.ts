import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import type { ToolCall } from "./billing-upstream.ts";
import { answerText } from "./billing-upstream.ts";
import { clientPackage } from "./client-package.ts";
import { type ClientsStand, clientsStand, month } from "./clients-stand.ts";
import { type ClientHome, type ClientRun, clientHome } from "./run-client.ts";

type Hopeless = "spent quota" | "suspended" | "wrong key" | "expired key" | "deleted key";

export interface ClientUnderTest {
  name: string;
  kind: ProviderKind;
  /** The value given to `agents create --print-env`. */
  printEnv: string;
  /** With versions; the first is the client itself. */
  packages: readonly string[];
  /** One question, without anybody at the terminal. */
  command: readonly string[];
  /** A call that has the client write `tool-ran` into `proof.txt` where it runs. */
  tool: ToolCall;
  /** Lines of a shell after the printed ones. */
  setUp?: string;
  /** Files in its home before it starts, by name. */
  files?: Record<string, string>;
  /** Retries of the client's own that no answer steers: how often it asks, and for how many seconds. */
  insists?: Partial<Record<Insistence, { requests: number; seconds?: number }>>;
  /** Where it says it in words of its own. */
  shows?: Partial<Record<Insistence, RegExp>>;
}

/** A key that is not valid is refused in the same way whatever became of it. */
type Insistence = "spent quota" | "suspended" | "wrong key";
const insistenceOf = (row: Hopeless): Insistence => (row === "spent quota" || row === "suspended" ? row : "wrong key");

const shows: Record<Insistence, RegExp> = {
  "spent quota": /Monthly token quota exceeded/,
  suspended: /This key is suspended/,
  "wrong key": /The API key is not valid/,
};

/** Seconds from the first refusal to the client's end: nobody waits for what cannot succeed. */
const atOnce = 12;

const wrongly = (exports: string) =>
  exports.replaceAll(/ocv_\w+/g, (key) => key.slice(0, -1) + (key.endsWith("a") ? "b" : "a"));

/** The matrix of one client: each row is a run of the real one against the built server. */
export async function testClient(client: ClientUnderTest): Promise<void> {
  const installed = await clientPackage(client.packages);
  if (typeof installed === "string") console.log(`${client.name} is skipped: ${installed}`);

  describe.skipIf(typeof installed === "string")(client.name, () => {
    let stand: ClientsStand;
    let home: ClientHome;
    let agent: { id: string; exports: string };
    let billed = 0;
    const rows: string[] = [];

    beforeAll(async () => {
      if (typeof installed === "string") return;
      stand = await clientsStand(client.kind);
      home = await clientHome(installed.bin, client.files);
      await symlink(installed.modules, join(home.directory, "node_modules"));
      agent = await stand.agent(client.printEnv);
    });
    afterEach(() => stand.upstream.reset());
    afterAll(async () => {
      console.log(`\n${rows.join("\n")}\n`);
      await home?.remove();
      await stand?.close();
    });

    async function run(
      row: string,
      options: { exports?: string; interrupt?: Promise<unknown>; timeoutMs?: number } = {},
    ) {
      stand.door.calls.length = 0;
      stand.upstream.bills.length = 0;
      const { exports = agent.exports, interrupt, timeoutMs = 60_000 } = options;
      const ran = await home.run(client.command, {
        exports: `${exports}\n${client.setUp ?? ""}`,
        timeoutMs,
        ...(interrupt && { interrupt }),
      });
      const refusals = stand.door.calls.filter(({ status }) => status >= 400);
      const waited = refusals[0] ? (performance.now() - refusals[0].answeredAt) / 1000 : 0;
      const seconds = `${ran.seconds.toFixed(1)} s, ${waited.toFixed(1)} s after the first of ${refusals.length} refusals`;
      rows.push(`${client.name} | ${row} | exit ${ran.exitCode} | ${stand.door.calls.length} requests | ${seconds}`);
      return { ...ran, refusals, waited };
    }

    async function expectCharged(ran: ClientRun): Promise<void> {
      const { bills } = stand.upstream;
      billed += bills.reduce((sum, { input, output }) => sum + input + output, 0);
      expect([await stand.charged(agent.id, billed), ran.shown]).toEqual([billed, ran.shown]);
    }

    async function expectSurfaces(row: Hopeless, options: { exports?: string } = {}): Promise<void> {
      const ran = await run(row, options);
      const told = `${ran.shown}\n${JSON.stringify(stand.door.calls)}`;
      const insistence = client.insists?.[insistenceOf(row)];
      expect(ran.timedOut, told).toBe(false);
      expect(ran.exitCode, told).not.toBe(0);
      expect(ran.shown).toMatch(client.shows?.[insistenceOf(row)] ?? shows[insistenceOf(row)]);
      expect(ran.refusals.length, told).toBeGreaterThan(0);
      expect(ran.refusals.length, told).toBeLessThanOrEqual(insistence?.requests ?? 2);
      expect(ran.waited, told).toBeLessThan(insistence?.seconds ?? atOnce);
    }

    async function expectWorks(row: string): Promise<void> {
      const ran = await run(row);
      expect(ran.shown).toContain(answerText);
      expect([ran.exitCode, ran.refusals]).toEqual([0, []]);
      await expectCharged(ran);
    }

    it("works", () => expectWorks("works"));

    it("calls tools", async () => {
      stand.upstream.call(client.tool);
      const ran = await run("tools");
      expect(ran.shown).toContain(answerText);
      expect([ran.exitCode, ran.refusals]).toEqual([0, []]);
      expect(await readFile(join(home.directory, "proof.txt"), "utf8")).toMatch(/^tool-ran/);
      await expectCharged(ran);
    });

    it("shows a spent quota at once, and works again when there is more of it", async () => {
      await stand.client.agents.update(agent.id, { quotas: { maxTokensPerMonth: billed } });
      try {
        await expectSurfaces("spent quota");
      } finally {
        await stand.client.agents.update(agent.id, { quotas: { maxTokensPerMonth: month } });
      }
      await expectWorks("after the quota");
    });

    it("shows at once that its key is suspended, and works again when it is resumed", async () => {
      await stand.client.agents.suspend(agent.id);
      try {
        await expectSurfaces("suspended");
      } finally {
        await stand.client.agents.resume(agent.id);
      }
      await expectWorks("resumed");
    });

    it("shows a wrong key at once", () => expectSurfaces("wrong key", { exports: wrongly(agent.exports) }));

    it("shows an expired key at once, and works again with the next one", async () => {
      const before = agent.exports;
      const { aiKey } = await stand.client.agents.rotateAiKey(agent.id, { graceSeconds: 0, revealAiKey: true });
      await expectSurfaces("expired key", { exports: before });
      agent.exports = before.replaceAll(/ocv_\w+/g, aiKey.key!);
      await expectWorks("next key");
    });

    it("is charged for an interrupted answer what the provider bills, or a bound on it", async () => {
      const ran = await run("interrupted", { interrupt: stand.upstream.endless() });
      expect(ran.timedOut, ran.shown).toBe(false);
      const { bills } = stand.upstream;
      // Google goes on, and bills the whole answer.
      const goesOn = client.kind === "gemini";
      if (goesOn) stand.upstream.reset();
      else await expect.poll(() => bills.some(({ interrupted }) => interrupted)).toBe(true);
      const cost = bills.reduce((sum, { input, output }) => sum + input + output, 0);
      const charged = (await stand.charged(agent.id, goesOn ? billed + cost : undefined)) - billed;
      if (goesOn) expect(charged).toBe(cost);
      else expect(charged).toBeGreaterThanOrEqual(cost);
      rows.push(`${client.name} | interrupted | billed ${cost}, charged ${charged}`);
      const [input, output] = bills.reduce(([a, b], bill) => [a + bill.input, b + bill.output], [0, 0]);
      // Bytes are the bound, and framing makes two hundred of a piece of two tokens.
      if (client.kind === "anthropic") expect(charged).toBeLessThanOrEqual(input + 100 * output + 4_096);
      // So is the time, of a model that reasons; the input's bytes are told at the end alone.
      if (client.kind === "openai") expect(charged).toBeLessThanOrEqual(6 * input + 4_096 * (ran.seconds + 3));
    });

    it("shows at once that its key was deleted", async () => {
      await stand.client.agents.delete(agent.id);
      await expectSurfaces("deleted key");
    });
  });
}
