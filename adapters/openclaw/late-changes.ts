import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../src/ports.ts";
import { type AgentPart, agentPart, showsPart } from "./agent-part.ts";
import type { ConfigAccess } from "./config-access.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";

/** A change of an agent is written, and OpenClaw does not work with it yet. */
interface LateChange {
  part: AgentPart;
  /** A time of `performance.now()`. */
  since: number;
}

export interface LateChanges {
  note(part: AgentPart): LateChange;
  /** OpenClaw works with these, unless others have come meanwhile. */
  takenUp(noted: readonly LateChange[]): void;
  /** Whether a change of this agent is written, and the gateway does not work with it yet. */
  has(agentId: string): boolean;
  /** The configuration with all that is written of agents that are there, and that the gateway does not work with yet. */
  written(config: OpenClawConfig): OpenClawConfig;
  /** Agents of which a change is written that callers have ceased to wait for. */
  ids(): string[];
  /** Takes notice of these agents' changes that nobody here waits for: an earlier process has written them. */
  notice(agentIds: string[]): Promise<void>;
}

/**
 * OpenClaw gives a reload up for which it would have to replace a plugin that a turn works with, and looks at its file
 * again when that is touched, and not before.
 */
export function createLateChanges(
  config: ConfigAccess,
  log: Log,
  { answerMs, nudgeMs }: { answerMs: number; nudgeMs: readonly [first: number, longest: number] },
): LateChanges {
  const late = new Map<string, LateChange>();
  let nudging = false;
  /** The file's time when all that it says was compared with what the gateway works with. */
  let lookedAt: number | undefined;

  const isShown = (part: AgentPart) => config.applied((live) => showsPart(live, part), 0);

  const isLate = ({ since }: LateChange): boolean => since < performance.now() - answerMs;

  /** A change that is tried again is as late as it was. */
  function note(part: AgentPart): LateChange {
    const before = late.get(part.agentId);
    const one = { part, since: before && isLate(before) ? before.since : performance.now() };
    late.set(part.agentId, one);
    if (!nudging) void nudge();
    return one;
  }

  async function nudge(): Promise<void> {
    nudging = true;
    const [first, longest] = nudgeMs;
    try {
      for (let ms = first; late.size > 0; ms = Math.min(2 * ms, longest)) {
        await sleep(ms, undefined, { ref: false });
        await look();
        if (late.size > 0) await config.nudge();
      }
    } catch (cause) {
      log("debug", "the gateway cannot be asked to take up a change yet", { cause });
    } finally {
      nudging = false;
    }
  }

  /** Another writer of the file may have changed what is waited for. */
  async function look(): Promise<void> {
    if (late.size === 0) return;
    const source = await config.source();
    for (const [agentId, one] of late) {
      const part = agentPart(source, agentId);
      const isTakenUp = await isShown(part);
      if (late.get(agentId) !== one) continue;
      if (isTakenUp) late.delete(agentId);
      else one.part = part;
    }
  }

  return {
    note,
    takenUp(noted) {
      for (const one of noted) if (late.get(one.part.agentId) === one) late.delete(one.part.agentId);
    },
    has: (agentId) => late.has(agentId),
    written(whole) {
      const entries = { ...whole.agents?.entries };
      const parts = [...late.values()].map(({ part }) => part).filter((part) => part.entry && entries[part.agentId]);
      if (parts.length === 0) return whole;
      const ids = new Set(parts.map(({ agentId }) => agentId));
      for (const { agentId, entry } of parts) entries[agentId] = entry!;
      const others = (whole.bindings ?? []).filter(({ agentId }) => !ids.has(agentId));
      const bindings = [...others, ...parts.flatMap((part) => part.bindings)];
      return { ...whole, agents: { ...whole.agents, entries }, bindings };
    },
    ids: () => [...late].filter(([, one]) => isLate(one)).map(([agentId]) => agentId),
    async notice(agentIds) {
      const { mtimeMs } = statSync(config.file, { throwIfNoEntry: false }) ?? {};
      if (late.size > 0 && !nudging) void nudge();
      if (mtimeMs === lookedAt) return;
      const source = await config.source();
      for (const agentId of agentIds) {
        const part = agentPart(source, agentId);
        if (late.has(agentId) || !part.entry) continue;
        if (!(await isShown(part)) && !late.has(agentId)) note(part);
      }
      lookedAt = mtimeMs;
    },
  };
}
