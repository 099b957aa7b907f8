import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageSize } from "../../src/domain/image-size.ts";
import {
  base64,
  gif,
  gifFrame,
  jpeg,
  jpegFrame,
  jpegSegment,
  png,
  pngChunk,
  pngHeader,
  webp,
  webpCanvas,
  webpLossless,
  webpLossy,
  webpMetadata,
} from "../sample-images.ts";

const side = fc.integer({ min: 1, max: 16_383 });
const wide = fc.integer({ min: 1, max: 65_535 });
const bytes = fc.array(fc.nat({ max: 255 }), { maxLength: 40 });
/** Long enough that the header stands in a later slice. */
const metadata = fc.oneof(
  bytes,
  fc.integer({ min: 0, max: 40_000 }).map((length) => new Array<number>(length).fill(0xff)),
);

const processes = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15);
/** A thumbnail with a size of its own, tables, comments, and fill bytes before a marker. */
const jpegSegments = fc
  .array(
    fc.oneof(
      fc
        .tuple(fc.constantFrom(0xe0, 0xe1, 0xe2, 0xed, 0xef, 0xfe, 0xdb, 0xc4, 0xcc, 0xdd), metadata)
        .map(([marker, content]) => jpegSegment(marker, content)),
      fc
        .tuple(side, side)
        .map(([width, height]) => jpegSegment(0xe1, [...Buffer.from("Exif\0\0"), ...jpeg(width, height)])),
      fc.integer({ min: 1, max: 9 }).map((fill) => [...new Array<number>(fill).fill(0xff), ...jpegSegment(0xfe, [1])]),
    ),
    { maxLength: 5 },
  )
  .map((segments) => segments.flat());

const pngChunks = fc
  .array(fc.tuple(fc.constantFrom("tEXt", "iCCP", "eXIf", "PLTE", "gAMA"), metadata), { maxLength: 4 })
  .map((chunks) => chunks.flatMap(([type, content]) => pngChunk(type, content)));

/** How a client may write it. */
const written = fc.constantFrom(
  (text: string) => text,
  (text: string) => text.replaceAll("=", ""),
  (text: string) => text.replaceAll(/.{76}/g, "$&\r\n"),
  (text: string) => ` \t${text.replaceAll(/.{5}/g, "$&\n")}`,
);
/** After the pixels stands whatever they are made of. */
const rest = bytes;

describe("the size of an image is read from its header", () => {
  it("of a JPEG of any process, through any segments", () => {
    fc.assert(
      fc.property(
        wide,
        wide,
        processes,
        jpegSegments,
        rest,
        written,
        (width, height, process, before, after, write) => {
          const image = write(base64([...jpeg(width, height, process, before), ...after]));
          expect(imageSize(image)).toEqual({ width, height });
        },
      ),
    );
  });

  it("of a PNG through any chunks", () => {
    const edge = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(edge, edge, pngChunks, rest, written, (width, height, before, after, write) => {
        expect(imageSize(write(base64([...png(width, height, before), ...after])))).toEqual({ width, height });
      }),
    );
  });

  it("of a GIF whose frame may be larger than its screen", () => {
    fc.assert(
      fc.property(wide, wide, wide, wide, written, (width, height, frameWidth, frameHeight, write) => {
        const image = gif(width, height, [gifFrame(0, 0, frameWidth, frameHeight)]);
        const size = { width: Math.max(width, frameWidth), height: Math.max(height, frameHeight) };
        expect(imageSize(write(base64(image)))).toEqual(size);
      }),
    );
    expect(imageSize(base64(gif(1, 1, [gifFrame(500, 700, 8, 9)])))).toEqual({ width: 508, height: 709 });
  });

  it("of a WebP whose frame may be larger than its canvas", () => {
    const lossless = fc.boolean();
    fc.assert(
      fc.property(side, side, lossless, written, (width, height, isLossless, write) => {
        const frame = (isLossless ? webpLossless : webpLossy)(width, height);
        expect(imageSize(write(base64(webp(frame))))).toEqual({ width, height });
        const inCanvas = webp(webpCanvas(1_000, 1_000), webpMetadata(301), frame);
        const size = { width: Math.max(width, 1_000), height: Math.max(height, 1_000) };
        expect(imageSize(write(base64(inCanvas)))).toEqual(size);
      }),
    );
  });
});

describe("no size is read where decoders might differ", () => {
  const uncertain: [string, number[]][] = [
    ["a JPEG with two frame headers", jpeg(8_000, 8_000, 0, jpegFrame(1, 1))],
    ["a JPEG whose height follows the scan", jpeg(8_000, 0)],
    ["a JPEG of a hierarchy of frames", jpeg(1, 1, 0, jpegSegment(0xde, [8, 31, 64, 31, 64, 0]))],
    ["a JPEG with bytes between its segments", jpeg(1, 1, 0, [0])],
    ["a JPEG whose scan comes first", [0xff, 0xd8, 0xff, 0xda, ...jpeg(1, 1).slice(2)]],
    ["a JPEG that starts twice", jpeg(8_000, 8_000, 0, [0xff, 0xd8])],
    ["a JPEG with more fill bytes than any has", jpeg(1, 1, 0, new Array<number>(5_000).fill(0xff))],
    ["a JPEG that ends before its scan", jpeg(1, 1).slice(0, 14)],
    ["a PNG with two headers", png(1, 1, pngHeader(8_000, 8_000))],
    ["a PNG with Apple's chunk first", [...png(1, 1).slice(0, 8), ...pngChunk("CgBI", [0]), ...png(1, 1).slice(8)]],
    ["an animated PNG", png(1, 1, pngChunk("acTL", [0, 0, 0, 9, 0, 0, 0, 0]))],
    ["a PNG that ends before its pixels", png(1, 1).slice(0, 33)],
    ["a PNG without height", png(1, 0)],
    ["an animated GIF", gif(1, 1, [gifFrame(0, 0, 1, 1), gifFrame(0, 0, 8_000, 8_000)])],
    ["a GIF without an end", gif(1, 1, [gifFrame(0, 0, 1, 1)]).slice(0, -1)],
    ["an animated WebP", webp(webpCanvas(1, 1, 2), webpLossy(1, 1))],
    ["a WebP with two canvases", webp(webpCanvas(1, 1), webpCanvas(8_000, 8_000), webpLossy(1, 1))],
    ["a WebP that begins with something else", webp(webpMetadata(2), webpLossy(1, 1))],
    ["a HEIC", [...Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic")]],
    ["an AVIF", [...Buffer.from("\0\0\0\x18ftypavif\0\0\0\0mif1avif")]],
    ["a bitmap", [...Buffer.from("BM\x46\0\0\0\0\0\0\0")]],
    ["nothing", []],
  ];
  it.each(uncertain)("%s", (_, image) => {
    expect(imageSize(base64(image))).toBeUndefined();
  });

  it("a text that decoders read differently: a foreign character, or the other alphabet", () => {
    const image = base64(png(64_511, 64_767));
    for (const foreign of ["!", "-", "=", "\u00a0"]) {
      expect(imageSize(`${image.slice(0, 8)}${foreign}${image.slice(8)}`)).toBeUndefined();
    }
    const forUrls = image.replaceAll("+", "-").replaceAll("/", "_");
    expect(forUrls).not.toBe(image);
    expect(imageSize(forUrls)).toBeUndefined();
    expect(imageSize(forUrls, true)).toEqual({ width: 64_511, height: 64_767 });
    expect(imageSize(image, true)).toEqual({ width: 64_511, height: 64_767 });
    expect(imageSize(`${image.slice(0, 4)}_${image.slice(4)}`, true)).toBeUndefined();
  });

  it("any bytes, and any text", () => {
    const starts = fc.constantFrom(jpeg(9, 9), png(9, 9), gif(9, 9, [gifFrame(0, 0, 9, 9)]), webp(webpLossy(9, 9)));
    fc.assert(
      fc.property(starts, fc.nat({ max: 60 }), fc.array(fc.nat({ max: 255 })), (image, cut, tail) => {
        const size = imageSize(base64([...image.slice(0, cut), ...tail]));
        expect(size === undefined || (size.width > 0 && size.height > 0)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void imageSize(text)));
  });
});

it("reads a header behind two megabytes of metadata, and gives up on what is beyond any image's", () => {
  const segments = new Array<number[]>(32).fill(jpegSegment(0xe2, new Array<number>(65_000).fill(1))).flat();
  expect(imageSize(base64(jpeg(40, 30, 2, segments)))).toEqual({ width: 40, height: 30 });
  expect(imageSize(base64(jpeg(40, 30, 2, segments)) + "A".repeat(28_000_000))).toEqual({ width: 40, height: 30 });
  expect(imageSize(`/9j/${"////".repeat(7_000_000)}`)).toBeUndefined();
  expect(imageSize(`/9j/4AAC${"/+AAAv/g".repeat(3_500_000)}`)).toBeUndefined();
}, 20_000);
