/** Enough base64 for every header read here. */
const head = /^(?:\s*[\w+/-]){0,64}/;

/**
 * How many pixels a base64 image has that its bytes do not bound: those of a PNG, GIF or WebP, which can hold many
 * blank ones in few bytes, and none of a JPEG's, whose bytes grow with its pixels. `undefined` for all else.
 */
export function imagePixels(base64: string): number | undefined {
  const bytes = bytesOf(head.exec(base64)![0]);
  if (bytes.startsWith("\xff\xd8\xff")) return 0;
  const pixels = writtenSize(bytes);
  return Number.isNaN(pixels) ? undefined : pixels;
}

/** Providers' decoders take both alphabets and white space (protobuf's JSON does), and `atob` only one. */
function bytesOf(written: string): string {
  const text = written.replaceAll(/\s/g, "").replaceAll("-", "+").replaceAll("_", "/");
  return atob(text.slice(0, text.length - (text.length % 4)));
}

/** `NaN` where no size is written. */
function writtenSize(bytes: string): number {
  const at = (index: number): number => bytes.charCodeAt(index);
  const little = (index: number, count: number): number => {
    let value = 0;
    for (let step = count - 1; step >= 0; step--) value = value * 256 + at(index + step);
    return value;
  };
  const big = (index: number): number =>
    ((at(index) * 256 + at(index + 1)) * 256 + at(index + 2)) * 256 + at(index + 3);
  if (bytes.startsWith("\x89PNG")) return big(16) * big(20);
  if (bytes.startsWith("GIF8")) return little(6, 2) * little(8, 2);
  if (!bytes.startsWith("RIFF") || bytes.slice(8, 12) !== "WEBP") return Number.NaN;
  switch (bytes.slice(12, 16)) {
    case "VP8X":
      return (little(24, 3) + 1) * (little(27, 3) + 1);
    case "VP8L": {
      const bits = little(21, 4);
      return ((bits % 16_384) + 1) * ((Math.floor(bits / 16_384) % 16_384) + 1);
    }
    default:
      return (little(26, 2) % 16_384) * (little(28, 2) % 16_384);
  }
}
