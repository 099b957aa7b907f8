import type { Random } from "./random.ts";

/** The text with a part cut out, one of these pieces put in or in place of a part, cut off, or with its end once more. */
export function mutated(text: string, pieces: readonly string[], random: Random): string {
  const at = random.below(text.length + 1);
  const end = at + random.below(4);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(end);
    case 1:
      return text.slice(0, at) + random.one(pieces) + text.slice(at);
    case 2:
      return text.slice(0, at) + random.one(pieces) + text.slice(end);
    default:
      return random.chance(0.3) ? text.slice(0, at) : text + text.slice(at);
  }
}
