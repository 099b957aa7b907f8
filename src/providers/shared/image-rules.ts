import type { ImageSize } from "../../domain/image-size.ts";

/** The tokens that a provider's models count for an image. */
export interface ImageRule {
  /** Tokens at most of an image of this size that is carried in so many bytes. */
  tokens(size: ImageSize, bytes: number): number;
  /** Tokens at most of the dearest image that its models take. */
  dearest: number;
  /** It decodes base64 in the alphabet for URLs too. */
  urlSafeBase64?: boolean;
}

/** The squares of a grid that it takes to cover an image. */
const patches = ({ width, height }: ImageSize, side: number): number =>
  Math.ceil(width / side) * Math.ceil(height / side);

/**
 * A token for 750 pixels, in patches of 28 x 28, of which there are 4,784 at most, after the image is made smaller until
 * its long edge is 2,576 pixels; https://platform.claude.com/docs/en/build-with-claude/vision
 */
export const claudeImage: ImageRule = {
  tokens: ({ width, height }) => {
    const scale = Math.min(1, 2_576 / Math.max(width, height));
    const size = { width: width * scale, height: height * scale };
    return Math.min(4_784, Math.max(patches(size, 28), Math.ceil((size.width * size.height) / 750)));
  },
  dearest: 4_784,
};

/** 85 and 170 a tile, of which there are eight at most. */
const openAiTiles = 1_445;
/** GPT-4o mini counts them as 2,833 and 5,667. */
const openAiDearTiles = 48_169;

/**
 * Tiles of 512 x 512 with some models, patches of 32 x 32 with others: each counts 1.2 tokens where up to 30,000 of
 * them are taken, and up to 2.46 where an image is made smaller until they are 1,536;
 * https://platform.openai.com/docs/guides/images-vision#calculating-costs
 */
export const openAiImage = (models: readonly string[]): ImageRule =>
  models.some((model) => model.includes("4o-mini")) ? dearTiles : usualTiles;

const inTiles = (tiles: number): ImageRule => ({
  tokens: (size) => {
    const count = patches(size, 32);
    return Math.max(tiles, Math.ceil(Math.min(count, 1_536) * 2.46), Math.ceil(Math.min(count, 30_000) * 1.2));
  },
  dearest: Math.max(tiles, 36_000),
});
const usualTiles = inTiles(openAiTiles);
const dearTiles = inTiles(openAiDearTiles);

/** Per image from `media_resolution` on ultra high; https://ai.google.dev/gemini-api/docs/media-resolution */
const geminiUltraHigh = 2_240;

/**
 * 258 tokens for each tile, whose side is two thirds of the shorter edge and 768 pixels at most: a thin image has very
 * many, unless neither of its edges is longer than 384 pixels;
 * https://ai.google.dev/gemini-api/docs/image-understanding#token-calculation
 */
export const geminiImage: ImageRule = {
  tokens: (size) => {
    if (Math.max(size.width, size.height) <= 384) return geminiUltraHigh;
    const side = Math.min(768, Math.max(1, Math.floor(Math.min(size.width, size.height) / 1.5)));
    return Math.max(geminiUltraHigh, patches(size, side) * 258);
  },
  // At the 3,072 x 3,072 pixels that Google gives as the largest, in 24 tiles.
  dearest: 24 * 258,
  // Protobuf's JSON.
  urlSafeBase64: true,
};

/** Llama 3.2 makes four tiles of any image. */
const llamaTiles = 4 * 1_601;

/**
 * Any model may be behind a service that speaks OpenAI's shape, Gemini's among them. There are patches of 16 x 16, and
 * servers whose template writes a part that its model does not understand as text.
 */
export function anyImage(models: readonly string[]): ImageRule {
  const { tokens, dearest } = openAiImage(models);
  return {
    tokens: (size, bytes) =>
      Math.max(
        Math.min(dearest, Math.max(tokens(size, bytes), llamaTiles, patches(size, 16), bytes)),
        geminiImage.tokens(size, bytes),
      ),
    dearest,
  };
}
