import fc from "fast-check";
import {
  base64,
  gif,
  gifFrame,
  jpeg,
  jpegSegment,
  png,
  pngChunk,
  webp,
  webpCanvas,
  webpLossless,
  webpLossy,
} from "../sample-images.ts";

export interface SampleImage {
  data: string;
  mediaType: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
  /** As a decoder sees it; absent where decoders differ. */
  size?: readonly [width: number, height: number];
}

/** Large, small and thin ones. */
const sides = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 2_000 })),
  fc.tuple(fc.integer({ min: 1, max: 16_000 }), fc.integer({ min: 1, max: 16_000 })),
  fc.tuple(fc.integer({ min: 4_000, max: 16_000 }), fc.integer({ min: 1, max: 400 })),
  fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 4_000, max: 16_000 })),
);
const mediaTypes = fc.constantFrom<SampleImage["mediaType"]>("image/png", "image/jpeg", "image/gif", "image/webp");

const sized: fc.Arbitrary<SampleImage> = fc
  .tuple(sides, fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7), mediaTypes, fc.nat({ max: 3_000 }))
  .map(([[width, height], kind, mediaType, pixels]) => {
    const bytes = [
      () => png(width, height),
      () => png(width, height, pngChunk("tEXt", [...Buffer.from("IHDR\0\0\0\x01\0\0\0\x01")])),
      () => jpeg(width, height),
      () => jpeg(width, height, 9, jpegSegment(0xe1, jpeg(1, 1))),
      () => jpeg(width, height, 2, jpegSegment(0xfe, jpeg(1, 1))),
      () => gif(1, 1, [gifFrame(0, 0, width, height)]),
      () => webp(webpCanvas(1, 1), webpLossy(width, height)),
      () => webp(webpLossless(width, height)),
    ][kind]!();
    return { data: base64([...bytes, ...new Array<number>(pixels).fill(0x55)]), mediaType, size: [width, height] };
  });

const unsized: fc.Arbitrary<SampleImage> = fc
  .tuple(
    fc.constantFrom(
      gif(1, 1, [gifFrame(0, 0, 1, 1), gifFrame(0, 0, 9_000, 9_000)]),
      jpeg(9_000, 9_000, 0, jpegSegment(0xc0, [8, 0, 1, 0, 1, 1, 1, 0x11, 0])),
      png(1, 1, pngChunk("acTL", [0, 0, 0, 9, 0, 0, 0, 0])),
      [...Buffer.from("\0\0\0\x18ftypavif\0\0\0\0mif1avif")],
      [1, 2, 3, 4, 5, 6],
    ),
    mediaTypes,
  )
  .map(([bytes, mediaType]) => ({ data: base64(bytes), mediaType }));

export const images: fc.Arbitrary<SampleImage> = fc.oneof({ weight: 4, arbitrary: sized }, unsized);

type Formula = (width: number, height: number) => number;

const cells = (width: number, height: number, side: number): number =>
  Math.ceil(width / side) * Math.ceil(height / side);

/** Patches of the smallest side that models are known for, of which 36,000 tokens are held for at most. */
export const sixteenths: Formula = (width, height) => Math.min(36_000, cells(width, height, 16));

/** Scaled until `fits`, as far as whole pixels go. */
function scaled(width: number, height: number, fits: (width: number, height: number) => boolean): [number, number] {
  let [low, high] = [0, 1];
  if (fits(width, height)) return [width, height];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (fits(Math.max(1, Math.round(width * middle)), Math.max(1, Math.round(height * middle)))) low = middle;
    else high = middle;
  }
  return [Math.max(1, Math.round(width * low)), Math.max(1, Math.round(height * low))];
}

/** https://platform.claude.com/docs/en/build-with-claude/vision */
const claude =
  (longEdge: number, budget: number): Formula =>
  (width, height) => {
    const fits = (w: number, h: number) => Math.max(w, h) <= longEdge && cells(w, h, 28) <= budget;
    const [w, h] = scaled(width, height, fits);
    return Math.max(cells(w, h, 28), Math.min(budget, (w * h) / 750));
  };

/** https://platform.openai.com/docs/guides/images-vision#calculating-costs */
const tiles =
  (base: number, each: number): Formula =>
  (width, height) => {
    const square = Math.min(1, 2_048 / Math.max(width, height));
    const short = Math.min(1, 768 / Math.min(width * square, height * square));
    return base + each * cells(width * square * short, height * square * short, 512);
  };
const patches =
  (budget: number, each: number): Formula =>
  (width, height) =>
    Math.ceil(cells(...scaled(width, height, (w, h) => cells(w, h, 32) <= budget), 32) * each);

/** https://ai.google.dev/gemini-api/docs/image-understanding#token-calculation */
const geminiTiles: Formula = (width, height) => {
  if (width <= 384 && height <= 384) return 258;
  const unit = Math.max(1, Math.floor(Math.min(width, height) / 1.5));
  return 258 * Math.max(cells(width, height, unit), cells(width, height, 768));
};

const dearest =
  (...formulas: Formula[]): Formula =>
  (width, height) =>
    Math.max(...formulas.map((formula) => formula(width, height)));

export const claudeImages = dearest(claude(1_568, 1_568), claude(2_576, 4_784));
export const dearTiles = tiles(2_833, 5_667);
/** Eight tiles: the page does not say that a small image is not made larger. */
const mostTiles: Formula = () => 85 + 8 * 170;
export const openAiImages = dearest(
  mostTiles,
  tiles(75, 150),
  patches(1_536, 1.62),
  patches(1_536, 1.72),
  patches(1_536, 2.46),
  patches(2_500, 1.2),
  patches(10_000, 1.2),
  patches(30_000, 1.2),
);
/** Ultra high `media_resolution`: https://ai.google.dev/gemini-api/docs/media-resolution */
export const geminiImages = dearest(geminiTiles, () => 2_240);
/** Qwen-VL takes up to 16,384 patches of 28 x 28, Pixtral 1,024 x 1,024 pixels in patches of 16, Llama 3.2 four tiles. */
const openModels = dearest(
  (width, height) => cells(...scaled(width, height, (w, h) => cells(w, h, 28) <= 16_384), 28),
  (width, height) => cells(...scaled(width, height, (w, h) => Math.max(w, h) <= 1_024), 16),
  () => 4 * 1_601,
);
export const anyImages = dearest(claudeImages, openAiImages, geminiImages, openModels);
