import { type Base64Reader, base64Reader, type ReadSteps } from "./base64-reader.ts";

/** Pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

/** Far more than any picture's; beyond, no size is read. */
const maxSegments = 16_384;
/** Some 50 ms: 32 MB of animations' frames, of the longest blocks, take as many. */
export const mostSteps = 400_000;

/**
 * The size that a decoder makes of a PNG, JPEG, GIF or WebP, read from its own frame header, whatever its media type
 * is said to be. `undefined` where decoders might differ: another format, an animation, a size that is written twice
 * or after the pixels, and a header that is cut short.
 *
 * @param urlSafe the decoder takes base64's alphabet for URLs too
 * @param steps those left for all pictures of a request: beyond, no size is read
 */
export function imageSize(
  base64: string,
  urlSafe = false,
  steps: ReadSteps = { left: mostSteps },
): ImageSize | undefined {
  const bytes = base64Reader(base64, urlSafe, steps);
  const start = bytes.take(2);
  const size = start === undefined ? undefined : formats[start]?.(bytes);
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

const formats: Record<string, ((bytes: Base64Reader) => ImageSize | undefined) | undefined> = {
  "\xff\xd8": jpegSize,
  "\x89P": pngSize,
  GI: gifSize,
  RI: webpSize,
};

function big(bytes: string): number {
  let value = 0;
  for (let at = 0; at < bytes.length; at++) value = value * 256 + bytes.charCodeAt(at);
  return value;
}

const little = (bytes: string): number => big([...bytes].reverse().join(""));

const maxFill = 64;

/** The frame header may be that of any process (SOF0 to SOF15); https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2 */
function jpegSize(bytes: Base64Reader): ImageSize | undefined {
  let size: ImageSize | undefined;
  for (let segment = 0; segment < maxSegments; segment++) {
    if (bytes.take(1) !== "\xff") return undefined;
    let marker = bytes.take(1);
    for (let fill = 0; marker === "\xff" && fill < maxFill; fill++) marker = bytes.take(1);
    // The scan. One that comes before the frame has no size, and neither has one whose height follows it (DNL).
    if (marker === "\xda") return size;
    const length = bytes.take(2);
    if (marker === undefined || length === undefined || big(length) < 2) return undefined;
    let rest = big(length) - 2;
    const code = marker.charCodeAt(0);
    if (code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc) {
      const frame = bytes.take(5);
      // libjpeg refuses the second frame of two, and Pillow obeys it.
      if (frame === undefined || rest < 5 || size !== undefined) return undefined;
      size = { height: big(frame.slice(1, 3)), width: big(frame.slice(3, 5)) };
      rest -= 5;
    } else if (!isJpegTable(code)) return undefined;
    if (!bytes.skip(rest)) return undefined;
  }
  return undefined;
}

/** Tables, application segments and comments; neither a marker that stands alone nor a hierarchy of frames. */
const isJpegTable = (code: number): boolean =>
  code === 0xc4 || code === 0xcc || code === 0xdb || code === 0xdd || (code >= 0xe0 && code <= 0xef) || code === 0xfe;

/** https://www.w3.org/TR/png-3/#11IHDR */
function pngSize(bytes: Base64Reader): ImageSize | undefined {
  const header = bytes.take(22);
  if (header?.slice(0, 14) !== "NG\r\n\x1a\n\0\0\0\rIHDR") return undefined;
  if (!bytes.skip(9)) return undefined;
  for (let chunk = 0; chunk < maxSegments; chunk++) {
    const head = bytes.take(8);
    if (head === undefined) return undefined;
    const type = head.slice(4);
    if (type === "IDAT") return { width: big(header.slice(14, 18)), height: big(header.slice(18, 22)) };
    // Pillow obeys a second header; acTL makes it an animation.
    if (type === "IHDR" || type === "acTL" || type === "IEND") return undefined;
    if (!bytes.skip(big(head.slice(0, 4)) + 4)) return undefined;
  }
  return undefined;
}

const gifColors = (packed: string): number => {
  const bits = packed.charCodeAt(0);
  return bits & 0x80 ? 3 * 2 ** ((bits & 7) + 1) : 0;
};

/** A frame may reach beyond the screen, which Pillow widens. https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
function gifSize(bytes: Base64Reader): ImageSize | undefined {
  const header = bytes.take(11);
  if (header === undefined || !/^F8[79]a/.test(header)) return undefined;
  const screen = { width: little(header.slice(4, 6)), height: little(header.slice(6, 8)) };
  if (!bytes.skip(gifColors(header[8]!))) return undefined;
  let size: ImageSize | undefined;
  for (let block = 0; block < maxSegments; block++) {
    const kind = bytes.take(1);
    if (kind === ";") return size;
    if (kind === "!") {
      if (!bytes.skip(1)) return undefined;
    } else if (kind === ",") {
      const frame = bytes.take(9);
      if (frame === undefined || size !== undefined) return undefined;
      size = {
        width: Math.max(screen.width, little(frame.slice(0, 2)) + little(frame.slice(4, 6))),
        height: Math.max(screen.height, little(frame.slice(2, 4)) + little(frame.slice(6, 8))),
      };
      if (!bytes.skip(gifColors(frame[8]!) + 1)) return undefined;
    } else return undefined;
    if (!skipSubBlocks(bytes)) return undefined;
  }
  return undefined;
}

function skipSubBlocks(bytes: Base64Reader): boolean {
  for (let block = 0; block < maxSegments; block++) {
    const length = bytes.take(1);
    if (length === undefined) return false;
    if (length === "\0") return true;
    if (!bytes.skip(length.charCodeAt(0))) return false;
  }
  return false;
}

/** The canvas of the extended format, or the frame where that is larger; https://www.rfc-editor.org/rfc/rfc9649 */
function webpSize(bytes: Base64Reader): ImageSize | undefined {
  const header = bytes.take(10);
  if (!header?.startsWith("FF") || !header.endsWith("WEBP")) return undefined;
  let canvas: ImageSize | undefined;
  for (let chunk = 0; chunk < maxSegments; chunk++) {
    const head = bytes.take(8);
    if (head === undefined) return undefined;
    const length = little(head.slice(4));
    switch (head.slice(0, 4)) {
      case "VP8 ":
        return larger(canvas, lossyFrame(bytes.take(10)));
      case "VP8L":
        return larger(canvas, losslessFrame(bytes.take(5)));
      case "VP8X": {
        const extended = bytes.take(10);
        if (extended === undefined || chunk > 0 || length !== 10) return undefined;
        const isAnimation = (extended.charCodeAt(0) & 2) !== 0;
        if (isAnimation) return undefined;
        canvas = { width: little(extended.slice(4, 7)) + 1, height: little(extended.slice(7, 10)) + 1 };
        break;
      }
      default:
        if (canvas === undefined || !bytes.skip(length + (length % 2))) return undefined;
    }
  }
  return undefined;
}

/** https://www.rfc-editor.org/rfc/rfc6386#section-9.1 */
function lossyFrame(frame: string | undefined): ImageSize | undefined {
  if (frame?.slice(3, 6) !== "\x9d\x01\x2a") return undefined;
  return { width: little(frame.slice(6, 8)) % 16_384, height: little(frame.slice(8, 10)) % 16_384 };
}

/** https://www.rfc-editor.org/rfc/rfc9649#name-image-header */
function losslessFrame(frame: string | undefined): ImageSize | undefined {
  if (frame?.[0] !== "\x2f") return undefined;
  const bits = little(frame.slice(1));
  return { width: (bits % 16_384) + 1, height: (Math.floor(bits / 16_384) % 16_384) + 1 };
}

function larger(canvas: ImageSize | undefined, frame: ImageSize | undefined): ImageSize | undefined {
  if (frame === undefined || canvas === undefined) return frame;
  return { width: Math.max(canvas.width, frame.width), height: Math.max(canvas.height, frame.height) };
}
