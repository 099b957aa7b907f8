import { lstatSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Identity } from "../../../src/schema/agent-fields.ts";
import { writePrivate } from "../files/atomic-write.ts";

interface Named {
  name: string;
  identity?: Identity | undefined;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

const identityFile = (agent: Named): string => `# Identity

- Name: ${oneLine(agent.identity?.name ?? agent.name)}
- Emoji: ${oneLine(agent.identity?.emoji ?? "")}
- Avatar: ${oneLine(agent.identity?.avatar ?? "")}
`;

/** A new agent's files in its workspace, by file name. All of them are the agent's to change. */
export const bootstrapFiles = (agent: Named): Record<string, string> => ({
  "AGENTS.md": `# How to work here

This directory is your workspace. Read SOUL.md, IDENTITY.md and USER.md before you begin.

- Keep notes that should outlast a conversation in \`memory/\`, one file a day.
- Do only what was asked; ask before anything that cannot be undone, spends money or speaks for the user.
- Stay inside this directory unless you are told otherwise.
- Never write keys, tokens or passwords into a file or a message.
`,
  "SOUL.md": `# Manner

Be useful, direct and calm. Say what you know, what you assume and what you do not know.
Prefer a short true answer to a long impressive one.
`,
  "IDENTITY.md": identityFile(agent),
  "USER.md": `# The person you work for

Unknown yet. Note here how they wish to be called, their time zone, their language and what they care about.
`,
  "BOOTSTRAP.md": `# First conversation

1. Introduce yourself by the name in IDENTITY.md.
2. Ask what you are here to help with, and fill in USER.md.
3. Adjust IDENTITY.md and SOUL.md if the user wants you to be different.
4. Delete this file.
`,
});

/** Writes IDENTITY.md anew, if it still says what we wrote: what the agent made of it is the agent's. */
export async function renewIdentityFile(workspace: string, before: Named, after: Named): Promise<void> {
  const path = join(workspace, "IDENTITY.md");
  const text = identityFile(after);
  if (text === identityFile(before) || !lstatSync(path, { throwIfNoEntry: false })?.isFile()) return;
  if (realpathSync.native(path) !== path || readFileSync(path, "utf8") !== identityFile(before)) return;
  await writePrivate(path, text);
}
