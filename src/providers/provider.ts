import type { ProviderKind } from "../domain/provider-facts.ts";
import type { QuotaName } from "../domain/quota-rules.ts";
import type { Clock } from "../ports.ts";
import type { AdminRequest, SendAdminRequest } from "./admin/admin-request.ts";
import type { KeyApi } from "./admin/key-api.ts";
import type { ProviderWire } from "./shared/wire.ts";

/** A provider of ours: how it is spoken to, checked, and asked for keys. Its names are in `domain/provider-facts.ts`. */
export interface Provider {
  /** As the proxy speaks it. */
  wire: ProviderWire;
  /** The most that the model writes in one answer, reasoning included; `undefined` for one of no list. */
  maxOutput(model: string): number | undefined;
  /** Behind its base URL the version is a part of the path, which operators put into the base. */
  versionEnd?: RegExp;
  /**
   * Answers that it makes whole, and bills, when nobody reads any more; absent: none, it stops.
   * https://openrouter.ai/docs/api-reference/streaming#stream-cancellation
   */
  finishesUnread?: "all" | "unstreamed";
  /** Tokens a second that no model of it writes in one answer: four times the fastest that it has, and more. */
  pace?: number;
  verify: KeyCheck;
  mint: KeyMinting;
}

interface KeyCheck {
  /** A read that costs nothing and needs the key; `undefined` where nothing says where the provider is. */
  read(address: { baseUrl: string | undefined; key: string }): Pick<AdminRequest, "url" | "headers"> | undefined;
  /** Statuses by which the provider says no to the key, besides 401 and 403. */
  refusals?: readonly number[];
  /** The check of credentials beside the key: proves them, or rejects with a `Problem`. */
  credentials?: {
    /** The name of the service that checks them. */
    title: string;
    secrets(credentials: string): string[];
    check(send: SendAdminRequest, credentials: string, clock: Clock): Promise<unknown>;
  };
}

/** As much of an AI provider as can be told without opening its secrets. */
export interface MintMeans {
  kind: ProviderKind;
  baseUrl?: string | undefined;
  project?: string | undefined;
  hasCredentials?: boolean | undefined;
  /** The master key's hint, by which one of the wrong sort is told early. */
  hint?: string | undefined;
}

/** A stored AI provider whose secrets are opened, for the time of one minting. */
export interface MintingProvider {
  kind: ProviderKind;
  baseUrl?: string | undefined;
  project?: string | undefined;
  masterKey: string;
  /** Gemini: a service account's JSON key file. */
  credentials?: string | undefined;
}

interface MintTools {
  /** Calls of a provider's management API, whose errors name it by `title` and quote none of `secrets`. */
  send(title: string, secrets: string[]): SendAdminRequest;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  /** The origin of Google's API Keys API. Default: the service account's own universe. */
  googleKeysOrigin?: string | undefined;
}

interface KeyMinting {
  /** Quotas that the provider itself holds a key to. */
  enforces: readonly QuotaName[];
  /** Why keys cannot be minted with these means, with the remedy; `undefined` where they can. */
  lacks(means: MintMeans): string | undefined;
  /** The effect that an expiry would have; absent where the provider keeps one. */
  noExpiry?: string;
  /** Absent: it has no API that creates keys. `undefined` where it lacks the means. */
  keys?(provider: MintingProvider, tools: MintTools): KeyApi | undefined;
}

/** The way out of every refusal to mint. */
export const virtualInstead = 'use the mode "virtual"';
