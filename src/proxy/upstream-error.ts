/** An error's body is held until it has been looked through; none that means to help is larger. */
export const maxErrorBytes = 262_144;

/**
 * Providers echo the key they were given (LiteLLM issue 18731), and the one they were given is the operator's.
 * What does not hold it passes untouched.
 */
export function withoutMasterKey(bytes: Uint8Array, masterKey: string): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const spelled = [masterKey, JSON.stringify(masterKey).slice(1, -1), encodeURIComponent(masterKey)];
  const clean = spelled.reduce((rest, spelling) => rest.replaceAll(spelling, "[redacted]"), text);
  return clean === text ? bytes : new TextEncoder().encode(clean);
}

export const redirectMessage = "The provider answered with a redirect, which is not followed with its key";
export const unreachableMessage = "The provider could not be reached";
export const brokenOffMessage = "The provider was reached, and broke the connection off before it answered";
export const timeoutMessage = "The provider did not answer in time";
