/** Headers of images, with as much behind them as makes their size certain and no pixels. */

const u16be = (value: number): number[] => [value >> 8, value & 255];
const u16le = (value: number): number[] => [value & 255, value >> 8];
const u24le = (value: number): number[] => [value & 255, (value >> 8) & 255, value >> 16];
const u32be = (value: number): number[] => [...u16be(Math.floor(value / 65_536)), ...u16be(value % 65_536)];
const u32le = (value: number): number[] => u32be(value).reverse();
const ascii = (text: string): number[] => [...Buffer.from(text, "latin1")];

export const jpegSegment = (marker: number, content: readonly number[]): number[] => [
  ...[0xff, marker],
  ...u16be(content.length + 2),
  ...content,
];
export const jpegFrame = (width: number, height: number, process = 0): number[] =>
  jpegSegment(0xc0 + process, [8, ...u16be(height), ...u16be(width), 1, 1, 0x11, 0]);
const jpegScan = [...jpegSegment(0xda, [1, 1, 0, 0, 63, 0]), 0, 0xff, 0xd9];

/** @param process n of SOFn: 0 baseline, 2 progressive, 3 lossless, 9 arithmetic */
export const jpeg = (width: number, height: number, process = 0, before: readonly number[] = []): number[] => [
  ...[0xff, 0xd8],
  ...before,
  ...jpegFrame(width, height, process),
  ...jpegScan,
];

export const pngChunk = (type: string, content: readonly number[]): number[] => [
  ...u32be(content.length),
  ...ascii(type),
  ...content,
  ...[0, 0, 0, 0],
];
export const pngHeader = (width: number, height: number): number[] =>
  pngChunk("IHDR", [...u32be(width), ...u32be(height), 8, 0, 0, 0, 1]);
export const png = (width: number, height: number, before: readonly number[] = []): number[] => [
  ...ascii("\x89PNG\r\n\x1a\n"),
  ...pngHeader(width, height),
  ...before,
  ...pngChunk("IDAT", [1, 2, 3]),
];

export const gifFrame = (left: number, top: number, width: number, height: number): number[] => [
  ...ascii(","),
  ...[left, top, width, height].flatMap(u16le),
  // A colour table of its own, the code's size, one block of data and the end of the blocks.
  ...[0x80, 0, 0, 0, 0, 0, 0, 2, 2, 0x4c, 0x01, 0],
];
export const gif = (width: number, height: number, frames: readonly number[][]): number[] => [
  ...ascii("GIF89a"),
  ...u16le(width),
  ...u16le(height),
  ...[0x80, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0x21, 0xf9, 4, 0, 0, 0, 0, 0],
  ...frames.flat(),
  ...ascii(";"),
];

const webpChunk = (type: string, content: readonly number[]): number[] => [
  ...ascii(type),
  ...u32le(content.length),
  ...content,
  ...(content.length % 2 === 1 ? [0] : []),
];
export const webpLossy = (width: number, height: number): number[] =>
  webpChunk("VP8 ", [0x10, 0, 0, 0x9d, 1, 0x2a, ...u16le(width), ...u16le(height), 0, 0]);
export const webpLossless = (width: number, height: number): number[] =>
  webpChunk("VP8L", [0x2f, ...u32le(width - 1 + (height - 1) * 16_384)]);
export const webpCanvas = (width: number, height: number, flags = 0): number[] =>
  webpChunk("VP8X", [flags, 0, 0, 0, ...u24le(width - 1), ...u24le(height - 1)]);
export const webpMetadata = (bytes: number): number[] => webpChunk("ICCP", new Array<number>(bytes).fill(7));
export const webp = (...chunks: readonly number[][]): number[] => {
  const content = [...ascii("WEBP"), ...chunks.flat()];
  return [...ascii("RIFF"), ...u32le(content.length), ...content];
};

export const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString("base64");
