import { fromBase64Url } from "../domain/base64url.ts";
import { SettingsError } from "./settings-error.ts";

/** One that may be guessed in an afternoon is none, on an address that the whole world can reach. */
const secretLength = 16;
export const makeToken =
  "for example with: openssl rand -hex 32 (or: node -p \"crypto.randomBytes(32).toString('hex')\")";
/** 32 bytes in base64url. */
export const makeSecret = "for example with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

export const tooShort = `shorter than ${secretLength} characters`;
/** Shorter than a secret has to be. */
export const isGuessable = (token: string): boolean => token.length < secretLength;

/** @throws SettingsError for what a header cannot carry as one value: a comma is what joins two */
export function checkToken(name: string, token: string): void {
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(token)) {
    throw new SettingsError(`${name} must be printable ASCII without spaces and commas: make another, ${makeToken}`);
  }
}

/** @throws SettingsError also for one that is too short */
export function checkSecretToken(name: string, token: string): void {
  checkToken(name, token);
  if (isGuessable(token)) throw new SettingsError(`${name} is ${tooShort}: make a longer one, ${makeToken}`);
}

/**
 * @param text one seal key, or several separated by commas: the first seals, all of them open
 * @param source the variable or file that it stands in
 * @throws SettingsError
 */
export function parseSealKeys(text: string, source: string): Uint8Array[] {
  return text.split(",").map((part) => {
    const bytes = fromBase64Url(part.trim().replace(/=$/, ""));
    if (bytes?.length === 32) return bytes;
    throw new SettingsError(
      `${source} is not 32 bytes in base64url (43 characters of A-Z, a-z, 0-9, - and _): give the key that secrets ` +
        `were sealed under; for a new deployment make one, ${makeSecret}`,
    );
  });
}

/** @throws SettingsError where one token would open both: whoever may call would be the administrator */
export function checkTokensDiffer(adminTokens: readonly string[], gatewayTokens: readonly string[]): void {
  if (adminTokens.some((token) => gatewayTokens.includes(token))) {
    throw new SettingsError(`OPENCLAW_ADMIN_TOKEN is the gateway token: make it another secret, ${makeToken}`);
  }
}
