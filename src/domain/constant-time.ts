/** Compares two texts of equal length in a time that does not tell where they differ. */
export function equalDigests(a: string, b: string): boolean {
  if (a.length === 0 || a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
