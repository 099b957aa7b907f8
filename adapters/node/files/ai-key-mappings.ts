import { statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Clock } from "../../../src/ports.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { makePrivateDirectory, writePrivate } from "./atomic-write.ts";
import { createFileLock } from "./file-lock.ts";

/** Within the second that is promised, what the rewrite itself takes included. */
const delayMs = 800;
const pageSize = 250;

/** The index of AI keys that operators read, written behind the records. */
export interface AiKeyMappings {
  /** Rewrites the index now; rejects when it cannot be written. */
  flush(): Promise<void>;
  /** Brings the index up to date and stops. A failure is reported, and made good by the next process that opens it. */
  close(): Promise<void>;
}

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Keeps `provisioning/ai-key-mappings.json`, the readable index of which agent has which AI key: rewritten in the
 * background after changes, from the records themselves, since other processes change them too.
 * @param onFailure what becomes of a background rewrite that failed; it is tried again
 */
export function withAiKeyMappings(
  records: Records,
  stateDir: string,
  clock: Clock,
  onFailure: (error: unknown) => void = () => {},
): Records & AiKeyMappings {
  const directory = join(stateDir, "provisioning");
  const path = join(directory, "ai-key-mappings.json");
  const lock = createFileLock(join(directory, "locks.sqlite"));
  let stale = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  /** An object a line: `jq` reads it as JSON, `grep` by agent. */
  const readMappings = async (): Promise<string[]> => {
    const lines: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await records.list("ai-keys", { cursor, limit: pageSize });
      for (const { agentId, keyId, provider, mode, aiProviderId, state, createdAt } of page.items) {
        lines.push(JSON.stringify({ agentId, keyId, provider, mode, aiProviderId, status: state.status, createdAt }));
      }
      cursor = page.nextCursor;
      await yieldToOthers();
    } while (cursor !== undefined);
    return lines;
  };

  const rewrite = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const work = running.then(async () => {
      stale = false;
      try {
        await makePrivateDirectory(directory);
        // The last reader is the last writer: otherwise another process's newer index could be replaced by an older
        // one.
        await lock.run(async () => {
          const mappings = (await readMappings()).map((line) => `\n    ${line}`).join(",");
          const updatedAt = JSON.stringify(new Date(clock.now()).toISOString());
          await writePrivate(
            path,
            `{\n  "version": 1,\n  "mappings": [${mappings}${mappings && "\n  "}],\n  "updatedAt": ${updatedAt}\n}\n`,
          );
        });
      } catch (error) {
        schedule();
        throw error;
      }
    });
    running = work.catch(() => {});
    return work;
  };

  const schedule = (): void => {
    stale = true;
    if (!closed) timer ??= setTimeout(() => rewrite().catch(onFailure), delayMs);
  };

  // A process that was killed left the index behind the records.
  if (changedAt(join(directory, "ai-keys")) > changedAt(path)) schedule();

  return {
    ...records,
    async set(collection, id, value) {
      await records.set(collection, id, value);
      if (collection === "ai-keys") schedule();
    },
    async replace(collection, id, expected, next) {
      const replaced = await records.replace(collection, id, expected, next);
      if (collection === "ai-keys") schedule();
      return replaced;
    },
    async remove(collection, id) {
      await records.remove(collection, id);
      if (collection === "ai-keys") schedule();
    },
    flush: rewrite,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
      if (stale) await rewrite().catch(onFailure);
      await lock.close();
    },
  };
}
