import * as z from "zod/mini";
import { agentIdForm } from "../domain/agent-id.ts";
import { hasHiddenCharacters } from "../domain/hidden-characters.ts";
import { holdsKey } from "../domain/key-shapes.ts";
import { latestTimeMs } from "../domain/latest-time.ts";
import { isPlainAddress } from "../domain/plain-address.ts";

/** An agent's id as OpenClaw spells it. */
export const AgentId = z
  .string()
  .check(z.regex(agentIdForm, "is not an agent id"))
  .register(z.globalRegistry, { description: "Agent id", examples: ["my-agent"] });

/** ISO 8601 in UTC, to the millisecond. */
export const Timestamp = z.iso.datetime().register(z.globalRegistry, { examples: ["2026-11-22T18:00:00.000Z"] });

/** A time of the year 9999 may by its offset be of the next, which has no such text: it could be stored and not read. */
const isWithinYears = z.refine<string>(
  (text) => !(Date.parse(text) > latestTimeMs || Date.parse(text) < Date.parse("0000-01-01T00:00:00Z")),
  "must lie between the years 0 and 9999 in UTC",
);

/** The same as callers write it, in whatever offset (RFC 3339). */
export const GivenTimestamp = z
  .pipe(
    z.iso
      .datetime({ offset: true, error: "must be a time with its offset, such as 2027-01-31T00:00:00Z" })
      .check(isWithinYears),
    z.transform((text: string) => new Date(text).toISOString()),
  )
  .register(z.globalRegistry, { examples: ["2027-01-31T00:00:00Z"] });

export const Day = z.iso
  .date("must be a day, such as 2026-11-22")
  .register(z.globalRegistry, { description: "A day in UTC", examples: ["2026-11-22"] });

/** A lone surrogate has no UTF-8: what is stored of it, or percent-encoded, is another text or an error. */
export const wellFormed = z.refine<string>((text) => text.isWellFormed(), "must be well-formed Unicode");
/** Names are written down and shown, in many places. */
export const noKey = z.refine<string>(
  (text) => !holdsKey(text),
  "holds what looks like a key, which belongs in no name: revoke it if it is one",
);
const nothingHidden = z.refine<string>(
  (text) => !hasHiddenCharacters(text),
  "must not contain control characters, nor others that show nothing or turn the direction of text",
);

/** A secret as a header can carry it. */
export const printable = z.regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

/** Text that others see, of at most so many characters. */
export const shownText = (maxLength: number) =>
  z.string().check(wellFormed, z.maxLength(maxLength, `at most ${maxLength} characters`), nothingHidden, noKey);

/** One line of text. */
export const Label = shownText(128).check(z.minLength(1, "must not be empty"));

/** The slug of an AI provider: one of the built-in five or an operator's own. */
export const ProviderSlug = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "use lower-case letters, digits and hyphens, at most 32"), noKey)
  .register(z.globalRegistry, { description: "AI provider", examples: ["anthropic"] });

export const ModelName = z
  .string()
  .check(
    z.regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,199}$/, "is not a model name"),
    z.refine((name) => !name.includes(".."), "is not a model name"),
    noKey,
  )
  .register(z.globalRegistry, { description: "Model, with or without its provider", examples: ["claude-sonnet-3.5"] });

/** An address that requests are sent to: http or https, without credentials, query or fragment. */
export const HttpUrl = z.pipe(
  z.string().check(
    z.maxLength(2048),
    wellFormed,
    z.refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
      error: "must be an http or https URL",
      abort: true,
    }),
    z.refine(isPlainAddress, "must not carry credentials, a query or a fragment, and be written as https://host/path"),
  ),
  z.transform((text: string) => text.replace(/\/+$/, "")),
);

/** The time for which what was rotated away is good beside the new one. */
export const GraceSeconds = z.int().check(z.minimum(0), z.maximum(30 * 86_400));

export const Count = z.int().check(z.minimum(0));

/** The SHA-256 of a rotated key, hex, and the time until which it is still accepted. */
export const RetiredDigest = z.object({ digest: z.string(), until: Timestamp });
export type RetiredDigest = z.infer<typeof RetiredDigest>;
