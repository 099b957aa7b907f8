import { endsWithin } from "../../src/domain/ends-within.ts";
import { isProblem, Problem } from "../../src/errors.ts";
import type { Log, Reload } from "../../src/ports.ts";
import { groupCommit } from "../node/files/group-commit.ts";
import { createTurns } from "../node/files/turns.ts";
import { type AgentPart, agentPart, providersIn, replacesPlugins, showsPart } from "./agent-part.ts";
import { type ConfigAccess, longestReloadMs, writeRefusal } from "./config-access.ts";
import { createLateChanges, type LateChanges } from "./late-changes.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";

interface ConfigChange<T> {
  /** The agent that it is about. */
  agentId: string;
  /** Changes the draft, or throws and leaves it untouched. May run more than once. */
  apply(draft: OpenClawConfig): T;
  /** Whether it may take the agent away. */
  removes?: boolean;
}

interface ConfigChanged<T> {
  result: T;
  /**
   * Resolves once the gateway works with all that the configuration says of the agent; to `false` where it has not come
   * to in time, or cannot be waited for.
   */
  applied: Promise<boolean>;
  /**
   * @param isPatient whether to wait for as long as any reload may take, where a failure undoes the change
   * @throws Problem `gateway_failed` where it has not come to in time, though it could be waited for
   */
  takenUp(isPatient?: boolean): Promise<void>;
}

interface Work {
  change: ConfigChange<unknown>;
  outcome?: { value: unknown } | { error: unknown };
  part?: AgentPart;
  replacesPlugins?: boolean;
  /** Whether the gateway works with it, once any reload has had its time; absent where it cannot be waited for. */
  reloaded?: Promise<boolean>;
  written(): void;
}

export interface ConfigChanges {
  make<T>(change: ConfigChange<T>): Promise<ConfigChanged<T>>;
  /** Runs a change that the gateway writes itself, while no other is written or taken up. */
  byGateway<T>(change: () => Promise<T>): Promise<T>;
  isTakingUp: LateChanges["has"];
  written: LateChanges["written"];
  late: LateChanges["ids"];
  notice: LateChanges["notice"];
  /** The last one that was waited for and taken up. */
  lastReload(): Reload | undefined;
  /** Until the work has `come` (or ended), a change of its own is expected: a write waits for it, for a moment. */
  expecting<T>(work: (come: () => void) => Promise<T>): Promise<T>;
}

const nothingToWrite = Symbol("nothing to write");
/** The time that one change takes to come, and the longest that all are waited for. */
const comingMs = 50;
const gatherMs = 2_500;

/** Times in milliseconds. */
export interface ReloadTimes {
  /** Callers wait so long for a reload where there is an answer without it. */
  answerMs: number;
  /** So long where there is none. */
  changeMs: number;
  /** The next write waits so long for it. */
  reloadMs: number;
  /** A gateway that has not taken a change up is asked to after this time first, and at the longest after the other. */
  nudgeMs: [first: number, longest: number];
}

/** Proxies between a caller and the gateway seldom wait for longer than a minute. */
const usualTimes: ReloadTimes = {
  answerMs: 20_000,
  changeMs: 50_000,
  reloadMs: longestReloadMs,
  nudgeMs: [20_000, 60_000],
};

/**
 * Changes that arrive together, or while others are written and taken up, share one write and one reload: OpenClaw
 * needs about a second for both, however much has changed.
 */
export function createConfigChanges(
  config: ConfigAccess,
  log: Log,
  { answerMs, changeMs, reloadMs, nudgeMs }: ReloadTimes = usualTimes,
): ConfigChanges {
  const turns = createTurns();
  const late = createLateChanges(config, log, { answerMs, nudgeMs });
  /** A gateway that takes nothing up, as with its reload switched off, must not hold up every write for so long. */
  let failed: string[] = [];
  /** A plugin stays loaded when the last agent of its provider goes. */
  const loaded = new Set<string>();
  let expected = 0;
  let last: Reload | undefined;
  let gathering: { all: Promise<void>; done(): void } | undefined;

  /** Resolves when every change on the way has come. A change that is held up goes with the next write. */
  function gather(): Promise<void> {
    if (expected === 0) return Promise.resolve();
    if (!gathering) {
      let done = () => {};
      const all = new Promise<void>((resolve) => {
        done = resolve;
      });
      const timer = setTimeout(done, Math.min(comingMs * expected, gatherMs));
      gathering = { all, done };
      void all.then(() => {
        clearTimeout(timer);
        gathering = undefined;
      });
    }
    return gathering.all;
  }

  const commit = groupCommit<Work>((works) => turns("write", () => writeInTurn(works)));

  async function writeInTurn(works: Work[]): Promise<void> {
    const startedAt = performance.now();
    try {
      await writeAll(works);
    } catch {
      // One that OpenClaw will not have must not fail the others.
      for (const work of works) {
        await writeAll([work]).catch((error: unknown) => {
          work.outcome = { error };
        });
      }
    }
    const done = works.filter((work) => work.outcome && "value" in work.outcome);
    const awaited = !done.some((work) => work.replacesPlugins);
    const withinMs = failed.some(late.has) ? answerMs : reloadMs;
    const reloaded = awaited
      ? config.applied((live) => done.every(({ part }) => showsPart(live, part!)), withinMs)
      : Promise.resolve(false);
    const noted = done.map(({ part }) => late.note(part!));
    for (const work of works) {
      if (awaited) work.reloaded = reloaded;
      work.written();
    }
    if (!awaited) return;
    // The next write waits: one that comes during a reload makes OpenClaw give that up, and restart at worst.
    const takesUp = await reloaded;
    failed = takesUp ? [] : done.map(({ change }) => change.agentId);
    if (!takesUp) {
      log("warn", "the gateway has not taken up a change in time", { agentIds: failed });
      return;
    }
    late.takenUp(noted);
    last = { at: new Date().toISOString(), ms: Math.round(performance.now() - startedAt) };
  }

  async function writeAll(works: Work[]): Promise<void> {
    const removed = works.filter(({ change }) => change.removes).map(({ change }) => change.agentId);
    for (const name of providersIn(await config.read())) loaded.add(name);
    try {
      await config.mutate((draft) => {
        const before = { ...draft.agents?.entries };
        for (const work of works) work.outcome = attempt(work.change, draft);
        if (works.every((work) => work.outcome && "error" in work.outcome)) throw nothingToWrite;
        for (const work of works) {
          const { agentId } = work.change;
          work.part = agentPart(draft, agentId);
          work.replacesPlugins = replacesPlugins(before[agentId], work.part.entry, loaded);
        }
      }, removed);
    } catch (error) {
      if (error !== nothingToWrite) throw error;
    }
    const named = works.filter(({ part }) => JSON.stringify(part ?? "").includes("${"));
    if (named.length === 0) return;
    // The gateway works with what the variables stand for. The write stands, whether or not this can be read now.
    const source = await config.source().catch(() => undefined);
    if (source) for (const work of named) work.part = agentPart(source, work.change.agentId);
  }

  async function make<T>(change: ConfigChange<T>): Promise<ConfigChanged<T>> {
    const work: Work = { change, written: () => undefined };
    const written = new Promise<void>((resolve) => {
      work.written = resolve;
    });
    const committed = gather().then(() => commit(work));
    // A caller that does not wait for the reload does not hear of its failure either.
    committed.catch(() => undefined);
    await Promise.race([written, committed]);
    const { outcome } = work;
    if (outcome && "value" in outcome) {
      const { reloaded } = work;
      return {
        result: outcome.value as T,
        applied: reloaded ? inTime(reloaded, answerMs) : Promise.resolve(false),
        async takenUp(isPatient) {
          if (reloaded && !(await (isPatient ? reloaded : inTime(reloaded, changeMs)))) throw notInTime(change.agentId);
        },
      };
    }
    const cause = outcome?.error;
    if (isProblem(cause)) throw cause;
    throw new Problem("host_unavailable", writeRefusal(cause), { cause });
  }

  return {
    make,
    isTakingUp: late.has,
    written: late.written,
    late: late.ids,
    notice: late.notice,
    lastReload: () => last,
    byGateway: (change) => turns("write", change),
    async expecting(work) {
      let isExpected = true;
      const come = () => {
        if (!isExpected) return;
        isExpected = false;
        expected--;
        if (expected === 0) gathering?.done();
      };
      expected++;
      try {
        return await work(come);
      } finally {
        come();
      }
    },
  };
}

/** `false` where it takes longer. Nobody need wait for it. */
function inTime(work: Promise<boolean>, ms: number): Promise<boolean> {
  const first = endsWithin(work, ms).then((ended) => ended && work);
  first.catch(() => undefined);
  return first;
}

const notInTime = (agentId: string): Problem =>
  new Problem(
    "gateway_failed",
    `What was asked for the agent "${agentId}" is written, and OpenClaw has not taken it up: it works with what was ` +
      "there before until the turns under way have ended, and is asked to again. Try again in a moment.",
  );

function attempt(change: ConfigChange<unknown>, draft: OpenClawConfig): Work["outcome"] {
  try {
    return { value: change.apply(draft) };
  } catch (error) {
    return { error };
  }
}
