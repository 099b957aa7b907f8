/**
 * Characters that show nothing and yet do something: they move a terminal's cursor, turn the direction of what stands
 * around them, or make two texts look alike. Some are part of what people write, at one place only: the joiner of an
 * emoji, of Persian or of Hindi, the variation of a Chinese character, the tags of England's flag.
 */
const joiningScripts = [
  ...["Arabic", "Syriac", "Nko", "Mongolian", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil"],
  ...["Telugu", "Kannada", "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan"],
]
  .map((name) => `\\p{Script=${name}}`)
  .join("");

const written = [
  // Emoji, their parts and the way in which they are shown.
  String.raw`(?<=\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?)\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=\p{Extended_Pictographic})[\ufe0e\ufe0f](?![\ufe0e\ufe0f])`,
  String.raw`(?<=[0-9#*])\ufe0f(?=\u20e3)`,
  String.raw`(?<=\u{1f3f4})[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}`,
  // Letters, where a script joins them.
  String.raw`(?<=[${joiningScripts}\u0300-\u036f])[\u200c\u200d](?=[${joiningScripts}])`,
  String.raw`(?<=\p{Script=Han})[\ufe00-\ufe02\u{e0100}-\u{e01ef}](?![\ufe00-\ufe02\u{e0100}-\u{e01ef}])`,
  String.raw`(?<=\p{Script=Mongolian})[\u180b-\u180d\u180f]`,
].join("|");

const hidden = String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;
const either = new RegExp(`${written}|(${hidden})`, "gu");

/** Most text, told at a twentieth of the cost. */
const isPlain = (text: string): boolean => /^[ -~]*$/.test(text);

/** Characters that are shown as others, as none, or that act on a terminal. */
export function hasHiddenCharacters(text: string): boolean {
  if (isPlain(text)) return false;
  for (const match of text.matchAll(either)) if (match[1] !== undefined) return true;
  return false;
}

/** Each of them as JSON and JavaScript spell it: `\u001b`, and two for a character beyond U+FFFF. */
export const escapeHidden = (text: string): string =>
  isPlain(text)
    ? text
    : text.replace(either, (all: string, found: string | undefined) => (found === undefined ? all : escaped(found)));

const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
  ).join("");

/** JSON that is safe to show: such characters only ever stand in its strings, where an escape means the same. */
export const shownJson = (json: string): string =>
  // The line breaks of a printed document are the document's own.
  json.split("\n").map(escapeHidden).join("\n");
