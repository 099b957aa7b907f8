/** Enough base64 for every header read here. */
const headerLength = 64;

/**
 * Width and height of a base64 image of a format that can hold many blank pixels in few bytes (PNG, GIF, WebP);
 * `undefined` for the others, whose bytes grow with their pixels.
 */
export function imageSize(base64: string): { width: number; height: number } | undefined {
  let head: string;
  try {
    head = atob(base64.slice(0, headerLength).replace(/=+$/, ""));
  } catch {
    return undefined;
  }
  const at = (index: number): number => head.charCodeAt(index);
  const little = (index: number, count: number): number => {
    let value = 0;
    for (let step = count - 1; step >= 0; step--) value = value * 256 + at(index + step);
    return value;
  };
  const big = (index: number): number =>
    ((at(index) * 256 + at(index + 1)) * 256 + at(index + 2)) * 256 + at(index + 3);
  if (head.startsWith("\x89PNG")) return { width: big(16), height: big(20) };
  if (head.startsWith("GIF8")) return { width: little(6, 2), height: little(8, 2) };
  if (!head.startsWith("RIFF") || head.slice(8, 12) !== "WEBP") return undefined;
  switch (head.slice(12, 16)) {
    case "VP8X":
      return { width: little(24, 3) + 1, height: little(27, 3) + 1 };
    case "VP8L": {
      const bits = little(21, 4);
      return { width: (bits % 16_384) + 1, height: (Math.floor(bits / 16_384) % 16_384) + 1 };
    }
    default:
      return { width: little(26, 2) % 16_384, height: little(28, 2) % 16_384 };
  }
}
