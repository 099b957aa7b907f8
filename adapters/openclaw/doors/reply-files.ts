import { basename } from "node:path";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { confined, filesInText, isOutside } from "./message-content.ts";

/** An agent's answer, as OpenClaw's hook gives it. */
export interface Reply {
  text?: string;
  mediaUrl?: string;
  mediaUrls?: string[];
  attachments?: { name?: string }[];
}

/** An answer as it is written down, before it is sent. */
export interface Written {
  role?: string;
  content?: unknown;
}

const maxSessions = 1000;
/** A copy that OpenClaw sends, by whatever path: the state directory may be a link. */
const copy = /[/\\]media[/\\]outbound[/\\]/;
/** Longer than a turn. */
const stoppedMs = 3_600_000;

/** A run within the line is looked at once: an agent may write any number of them. */
const quotes = /^[`"'<([{]+|(?<![`"'>)\]}])[`"'>)\]}]+$/g;

/** A line whole, for names with spaces, beside what it may list. */
const namedIn = (text: string): string[] => [
  ...filesInText(text),
  ...[...text.matchAll(/MEDIA:([^\n]+)/gi)].map(([, line]) => line!.trim().replace(quotes, "")),
];

/**
 * Keeps files from outside of an agent's workspace out of its answers. OpenClaw takes them from directories that all
 * agents share, and tells of the copy that it sends only the name: it is sent where the agent has named an own file so,
 * and no other's.
 */
export function createReplyFiles(now: () => number = Date.now) {
  const sessions = new Map<string, { own: Set<string>; stoppedUntil: number }>();

  function note({ role, content }: Written, agentId: string, sessionKey: string, at: Place): void {
    const agent = confined(at.config, agentId, at.stateDir);
    if (role !== "assistant" || !agent) return;
    const blocks = Array.isArray(content) ? (content as { text?: unknown }[]).map(({ text }) => text) : [content];
    const texts = blocks.filter((text) => typeof text === "string");
    const files = [texts.join(""), texts.join("\n")].flatMap(namedIn).filter((file) => file !== "");
    if (files.length === 0) return;
    const session = sessions.get(sessionKey) ?? { own: new Set<string>(), stoppedUntil: 0 };
    sessions.delete(sessionKey);
    if (sessions.size >= maxSessions) sessions.delete(sessions.keys().next().value!);
    sessions.set(sessionKey, session);
    if (files.some((file) => isOutside(file, agent.roots, at.stateDir))) session.stoppedUntil = now() + stoppedMs;
    session.own = new Set([...session.own, ...files.map((file) => basename(file))].slice(-maxSessions));
  }

  /** @returns the reply without files, where one of them may be another's */
  function withoutOthers(reply: Reply, agentId: string, sessionKey: string, at: Place): Reply | undefined {
    const media = [...new Set([reply.mediaUrl, ...(reply.mediaUrls ?? [])])].filter((one) => typeof one === "string");
    if (!media.some((one) => copy.test(one)) || !confined(at.config, agentId, at.stateDir)) return undefined;
    const session = sessions.get(sessionKey);
    const names = (reply.attachments ?? []).map(({ name }) => name);
    // A link, or what a tool has made, has no copy among them, and may have no name.
    const isOwn = (one: string, at: number) => !copy.test(one) || session?.own.has(names[at] ?? "") === true;
    const isInOrder = [undefined, media[0]].includes(reply.mediaUrls?.[0]);
    const areOwn = names.length === media.length && isInOrder && media.every(isOwn);
    if (session && areOwn && session.stoppedUntil <= now()) return undefined;
    const { mediaUrl: _, mediaUrls: __, attachments: ___, text = "", ...rest } = reply;
    return { ...rest, text: `${text}\n(A file was not sent: it is not one of this workspace.)`.trim() };
  }

  return { note, withoutOthers };
}

interface Place {
  config: OpenClawConfig;
  stateDir: string;
}
