import { hasEnded } from "../domain/has-ended.ts";
import { digestIsValid } from "../domain/secret-digests.ts";
import { parseToken } from "../domain/token.ts";
import { type AiKeyRecord, AiKeyState } from "../schema/ai-key.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";

/** A key's state with the exact text that the ledger is asked to confirm when something is reserved under it. */
export interface KeySnapshot {
  record: AiKeyRecord;
  digest: string;
  state: AiKeyState;
  text: string;
}

export type KeyStatus = "valid" | "suspended" | "invalid";

export interface VerifiedKey {
  key: KeySnapshot;
  standing: Exclude<KeyStatus, "invalid">;
}
type Verified = VerifiedKey | undefined;

export const suspendedMessage = "This key is suspended; its operator can resume it";

/** The standing of a key that is presented; one with another digest is `invalid`. */
export function keyStatus(state: AiKeyState, digest: string, now: number): KeyStatus {
  if (state.status === "revoked") return "invalid";
  if (hasEnded(state, now)) return "invalid";
  if (!digestIsValid(state, digest, now)) return "invalid";
  if (hasEnded({ expiresAt: state.suspendsAt }, now)) return "suspended";
  return state.status === "suspended" ? "suspended" : "valid";
}

const maxRemembered = 10_000;
/** Another process's change is felt within the same second. The ledger's word on a key is felt at once. */
export const maxRecordAgeMs = 250;

/**
 * Records may lag (KV by a minute), the ledger never does. So what a record says is believed only until the
 * reservation, which compares the state's exact text; and a refusal is believed only once the ledger confirms it,
 * or a key just rotated or resumed would be turned away.
 */
export function createKeyVerifier(context: Context) {
  /** The ledger's own texts: a record need not serialise to the same one. */
  const remembered = new Map<string, { state: AiKeyState; text: string }>();

  function remember(keyId: string, state: AiKeyState, text: string): { state: AiKeyState; text: string } {
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value!);
    const exact = { state, text };
    remembered.set(keyId, exact);
    return exact;
  }

  /** @returns `undefined` for a key that is malformed, unknown, of another provider, revoked or expired */
  function verify(presented: string, slug: string, now: number): Verified | Promise<Verified> {
    const token = parseToken(presented, "ocv");
    if (!token) return undefined;
    const record = context.records.recent("ai-keys", token.keyId, maxRecordAgeMs);
    const digest = context.crypto.sha256(presented);
    return record instanceof Promise || typeof digest !== "string"
      ? Promise.all([record, digest]).then((known) => judge(...known, slug, now))
      : judge(record, digest, slug, now);
  }

  function judge(
    record: AiKeyRecord | undefined,
    digest: string,
    slug: string,
    now: number,
  ): Verified | Promise<Verified> {
    if (record?.mode !== "virtual" || record.provider !== slug) return undefined;
    const exact = remembered.get(record.keyId);
    const newest =
      exact && exact.state.version >= record.state.version
        ? exact
        : remember(record.keyId, record.state, JSON.stringify(record.state));
    const key: KeySnapshot = { record, digest, state: newest.state, text: newest.text };
    const standing = keyStatus(key.state, digest, now);
    return standing === "valid" ? { key, standing } : confirm(key, standing, now);
  }

  async function confirm(key: KeySnapshot, standing: "suspended" | "invalid", now: number): Promise<Verified> {
    const text = await context.ledger.get(aiKeyLedger(key.record.keyId).state);
    if (text === undefined || text === key.text) return standing === "invalid" ? undefined : { key, standing };
    const current = await restate(key, text);
    const confirmed = keyStatus(current.state, key.digest, now);
    return confirmed === "invalid" ? undefined : { key: current, standing: confirmed };
  }

  /**
   * The same key under the text that the ledger has. One that a backup or a power cut took back behind the record is
   * brought to that: a rotated key would be refused for good, and a suspended one spend.
   */
  async function restate(key: KeySnapshot, text: string): Promise<KeySnapshot> {
    const { keyId, state: recorded } = key.record;
    const state = AiKeyState.parse(JSON.parse(text));
    if (state.version >= recorded.version) return { ...key, ...remember(keyId, state, text) };
    const kept = JSON.stringify(recorded);
    await context.ledger.replace(aiKeyLedger(keyId).state, text, kept);
    return { ...key, ...remember(keyId, recorded, kept) };
  }

  return { verify, restate };
}
