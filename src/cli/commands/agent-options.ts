import type { Command } from "commander";
import { confinements } from "../../domain/confinement.ts";
import { quotaRules } from "../../domain/quota-rules.ts";
import type { Identity } from "../../schema/agent-fields.ts";
import type { UpdateAgent } from "../../schema/change-agent.ts";
import { type QuotaChange, type QuotaName, quotaNames } from "../../schema/quota.ts";
import { oneOf } from "../one-of.ts";
import { repeated } from "../option-values.ts";

type HoldChange = Pick<UpdateAgent, "confinement" | "tools" | "peers">;

/** The options that `withIdentity` adds. */
export interface IdentityOptions {
  identityName?: string;
  identityEmoji?: string;
  identityAvatar?: string;
}

/** Adds the options that `identityOf` reads. */
export const withIdentity = (command: Command) =>
  command
    .option("--identity-name <name>", "the name under which it speaks")
    .option("--identity-emoji <emoji>", "its emoji")
    .option("--identity-avatar <address>", "its picture");

/** `undefined` where none of its parts was given, so that what is stored stays. */
export function identityOf(options: IdentityOptions): Identity | undefined {
  const { identityName: name, identityEmoji: emoji, identityAvatar: avatar } = options;
  return name === undefined && emoji === undefined && avatar === undefined ? undefined : { name, emoji, avatar };
}

/** The options that `withConfinement` adds. */
export interface ConfinementOptions {
  confinement?: string;
  tool?: string[];
  peer?: string[];
}

/** Adds the options that `confinementOf` reads. */
export const withConfinement = (command: Command) =>
  command
    .option("--confinement <kind>", `what it may do on its OpenClaw gateway: ${confinements.join(", ")}`)
    .option("--tool <name>", "a tool beyond those of its confinement (repeatable)", repeated)
    .option(
      "--peer <agent-id>",
      "an agent whose sessions it may reach, if that one names it too (repeatable)",
      repeated,
    );

/**
 * Parts that were not given are `undefined`, and stay as they are.
 * @throws CommandFailure, with exit code 2, for a confinement that there is none of
 */
export function confinementOf({ confinement, tool: tools, peer: peers }: ConfinementOptions): HoldChange {
  return { confinement: oneOf("--confinement", confinement, confinements), tools, peers };
}

const flagOf = (name: QuotaName) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Commander's names of the flags are the quotas' own. */
export function withQuotas<Value>(
  command: Command,
  description: string,
  parse: (name: QuotaName) => (text: string) => Value,
): Command {
  for (const name of quotaNames) {
    const unit = quotaRules[name].counter === "usd" ? "amount" : "number";
    command.option(`${flagOf(name)} <${unit}>`, description, parse(name));
  }
  return command;
}

/** The quotas among the options. */
export function quotasOf<Value>(
  options: Partial<Record<QuotaName, Value>>,
): Partial<Record<QuotaName, Value>> | undefined {
  const given = quotaNames.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]] as const]));
  return given.length === 0 ? undefined : (Object.fromEntries(given) as Partial<Record<QuotaName, Value>>);
}

/** `none` lifts a limit: that is the API's `null`. */
export function quotaChangeOf(options: Partial<Record<QuotaName, number | "none">>): QuotaChange | undefined {
  const given = Object.entries(quotasOf(options) ?? {});
  return given.length === 0
    ? undefined
    : Object.fromEntries(given.map(([name, limit]) => [name, limit === "none" ? null : limit]));
}
