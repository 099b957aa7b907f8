import { fromBase64Url, toBase64Url } from "../../domain/base64url.ts";

/** RFC 7518, section 5.3: the only lengths that `A256GCM` has. */
const keyLength = 32;
const nonceLength = 12;
const tagLength = 16;

export type JweHeader = Record<string, unknown>;

async function keyFor(key: Uint8Array, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  // A shorter one would be taken, for another algorithm than the header names.
  if (key.length !== keyLength) throw new TypeError(`the key must be ${keyLength} bytes`);
  return await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-GCM", false, [usage]);
}

/** The header is bound to the text by the tag, in the very characters in which it stands there. */
const cipher = (iv: Uint8Array<ArrayBuffer>, header: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(header),
  tagLength: tagLength * 8,
});

/**
 * Compact JWE (RFC 7516) of the one kind that is used here: `dir` with `A256GCM`.
 *
 * @param key 32 bytes
 * @param members what the protected header says beside its algorithms
 */
export async function encryptCompact(key: Uint8Array, members: JweHeader, text: string): Promise<string> {
  const header = toBase64Url(new TextEncoder().encode(JSON.stringify({ alg: "dir", enc: "A256GCM", ...members })));
  const nonce = crypto.getRandomValues(new Uint8Array(nonceLength));
  const plaintext = new TextEncoder().encode(text);
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt(cipher(nonce, header), await keyFor(key, "encrypt"), plaintext),
  );
  const [ciphertext, tag] = [sealed.subarray(0, -tagLength), sealed.subarray(-tagLength)];
  return [header, "", ...[nonce, ciphertext, tag].map(toBase64Url)].join(".");
}

/** The protected header as it claims to be: nothing has vouched for it yet. */
export function headerOf(jwe: string): JweHeader | undefined {
  const bytes = fromBase64Url(jwe.split(".", 1)[0] ?? "");
  try {
    const header: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    return typeof header === "object" && header !== null ? (header as JweHeader) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error for whatever is not such a JWE, or was not made with this key */
export async function decryptCompact(key: Uint8Array, jwe: string): Promise<{ header: JweHeader; text: string }> {
  const [header = "", encryptedKey, ...rest] = jwe.split(".");
  const [protectedHeader, nonce, ciphertext, tag] = [header, ...rest].map(fromBase64Url);
  if (rest.length !== 3 || encryptedKey !== "" || !protectedHeader || !nonce || !ciphertext || !tag) {
    throw new Error("not a compact JWE with a direct key");
  }
  const members = JSON.parse(new TextDecoder().decode(protectedHeader)) as JweHeader;
  if (members.alg !== "dir" || members.enc !== "A256GCM") throw new Error("not sealed with dir and A256GCM");
  // A reader that does not know an extension must refuse it (RFC 7516, section 4.1.13), and compressed text is none.
  if ("crit" in members || "zip" in members) throw new Error("sealed with an extension that is not known here");
  // WebCrypto would take nonces of other lengths, and with a short tag a piece of the text as the rest of it.
  if (nonce.length !== nonceLength || tag.length !== tagLength) throw new Error("not a nonce and a tag of A256GCM");
  const sealed = new Uint8Array([...ciphertext, ...tag]);
  const text = await crypto.subtle.decrypt(cipher(nonce, header), await keyFor(key, "decrypt"), sealed);
  return { header: members, text: new TextDecoder().decode(text) };
}
