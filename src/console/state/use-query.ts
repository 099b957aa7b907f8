import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, apiErrorOf, ask } from "./api.ts";

interface Entry {
  data?: unknown;
  error?: ApiError | undefined;
  at: number;
  pending?: boolean;
  /** The last request's turn. */
  turn: number;
  /** The turn of the answer that is shown. An earlier request that answers later is out of date. */
  shown: number;
  listeners: Set<() => void>;
}

/** One cache for all pages: a change that one of them makes, or hears of, is seen on each. */
const cache = new Map<string, Entry>();
const freshMs = 4_000;
const keptPaths = 200;

function entryOf(path: string): Entry {
  const known = cache.get(path);
  if (known) return known;
  if (cache.size >= keptPaths) {
    for (const [old, { listeners }] of cache) if (listeners.size === 0) cache.delete(old);
  }
  const entry: Entry = { at: 0, turn: 0, shown: 0, listeners: new Set() };
  cache.set(path, entry);
  return entry;
}

async function load(path: string, entry: Entry): Promise<void> {
  entry.turn += 1;
  entry.pending = true;
  const { turn } = entry;
  let data: unknown;
  let error: ApiError | undefined;
  try {
    data = await ask(path);
  } catch (thrown) {
    error = apiErrorOf(thrown);
  }
  const isLast = turn === entry.turn;
  // Answers on the way are all that is ever shown where changes come faster.
  if (turn < entry.shown || (error && !isLast)) return;
  entry.shown = turn;
  if (!error) entry.data = data;
  entry.error = error;
  if (isLast) {
    entry.at = Date.now();
    entry.pending = false;
  }
  for (const listener of entry.listeners) listener();
}

function refresh(path: string): void {
  const entry = entryOf(path);
  if (!entry.pending) void load(path, entry);
}

/** Each path that begins with one of these is asked for again where it is shown, and forgotten where it is not. */
export function invalidate(...prefixes: string[]): void {
  for (const [path, entry] of cache) {
    if (!prefixes.some((prefix) => path.startsWith(prefix))) continue;
    entry.at = 0;
    if (entry.listeners.size > 0) {
      entry.pending = false;
      refresh(path);
    } else cache.delete(path);
  }
}

/** Drops every answer: the next session may see less. */
export const forgetAll = (): void => cache.clear();

interface Query<Data> {
  data: Data | undefined;
  error: ApiError | undefined;
  /** Nothing to show yet. */
  loading: boolean;
  again(): void;
}

/** The answer of `GET path`; `undefined` asks nothing. The last answer stays while the next one comes. */
export function useQuery<Data>(path: string | undefined, { everyMs }: { everyMs?: number } = {}): Query<Data> {
  const [, render] = useState(0);
  const last = useRef<Data | undefined>(undefined);
  const shown = useRef(0);
  useEffect(() => {
    if (path === undefined) return;
    const entry = entryOf(path);
    const listener = () => render((turn) => turn + 1);
    entry.listeners.add(listener);
    // An answer that came between the page's making and here has told nobody on it.
    if (entry.shown !== shown.current) listener();
    if (Date.now() - entry.at > freshMs) refresh(path);
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => document.visibilityState === "visible" && refresh(path), everyMs);
    // It was not asked for while the tab was hidden.
    const onVisible = () => document.visibilityState === "visible" && Date.now() - entry.at > freshMs && refresh(path);
    if (everyMs !== undefined) document.addEventListener("visibilitychange", onVisible);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      entry.listeners.delete(listener);
      clearInterval(timer);
    };
  }, [path, everyMs]);
  const entry = path === undefined ? undefined : cache.get(path);
  shown.current = entry?.shown ?? 0;
  if (entry?.data !== undefined) last.current = entry.data as Data;
  const data = last.current;
  return {
    data,
    error: entry?.error,
    loading: path !== undefined && data === undefined && !entry?.error,
    again: () => path !== undefined && refresh(path),
  };
}

/** The same, for what another query has just shown: it asks for the first time after `everyMs`. */
export function useLater<Data>(path: string, everyMs: number): Data | undefined {
  const [started, setStarted] = useState<string>();
  useEffect(() => {
    const timer = setTimeout(() => setStarted(path), everyMs);
    return () => clearTimeout(timer);
  }, [path, everyMs]);
  useQuery<Data>(started === path ? path : undefined, { everyMs });
  // Not the answer to an earlier question, which a query goes on showing.
  return started === path ? (cache.get(path)?.data as Data | undefined) : undefined;
}
