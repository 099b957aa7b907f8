import { keyPrefixes } from "./provider-facts.ts";

/**
 * Takes keys out of text that others wrote before it is shown: providers echo the key they were given in their
 * errors (LiteLLM issue 18731), some of them masked and some not.
 */
const keyShapes = [
  /\bsk-[\w.*-]{4,}/g,
  ...keyPrefixes.map((prefix) => new RegExp(`\\b${prefix}[\\w*-]{8,}`, "g")),
  /\b(ya29|AQ)\.[\w.*-]{8,}/g,
  /\boc[cpsv]_\w{4,}/g,
  /\bBearer\s+\S+/gi,
];
/** Goes first, since it may hold any other. */
const privateKeyShape = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** A run with no token behind one beginning has none behind a later one of its own: it is passed over. */
const jwtShape = /\beyJ(?:([\w-]{8,}(?:\.[\w-]*)+)|[\w-]*)/g;
/**
 * Anything long without a space that mixes letters and digits: tokens and their hashes. It is tried where such a text
 * begins and nowhere within: strangers write long paths, which would take the square of their length.
 */
const longShape = /(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}/g;

/** Takes out only what has the shape of a known maker's key, and leaves ids that are merely long. */
export function scrubKnownKeys(text: string): string {
  const withoutTokens = text
    .replace(privateKeyShape, "[key]")
    .replace(jwtShape, (found, token?: string) => (token === undefined ? found : "[key]"));
  return keyShapes.reduce((rest, shape) => rest.replace(shape, "[key]"), withoutTokens);
}

/** @param secrets texts that must not appear in any case, whatever they look like */
export function scrubKeys(text: string, secrets: readonly string[] = []): string {
  const exact = secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.length >= 4)
    .sort((a, b) => b.length - a.length);
  const known = exact.reduce((rest, secret) => rest.replaceAll(secret, "[key]"), text);
  return scrubKnownKeys(known).replace(longShape, "[key]");
}
