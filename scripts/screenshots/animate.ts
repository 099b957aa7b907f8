import { crc32 } from "node:zlib";

interface Chunk {
  type: string;
  data: Buffer;
}

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

const numbers = (...values: [bytes: 1 | 2 | 4, value: number][]): Buffer =>
  Buffer.concat(
    values.map(([bytes, value]) => {
      const buffer = Buffer.alloc(bytes);
      buffer.writeUIntBE(value, 0, bytes);
      return buffer;
    }),
  );

/**
 * One animated PNG of pictures that are alike in size and format: their data is taken over as it is.
 * @throws Error for a picture of another size or format than the first
 */
export function animate(frames: readonly { png: Buffer; ms: number }[]): Buffer {
  const parts: Buffer[] = [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])];
  const [header] = chunksOf(frames[0]!.png);
  const [width, height] = [header!.data.readUInt32BE(0), header!.data.readUInt32BE(4)];
  parts.push(chunk("IHDR", header!.data), chunk("acTL", numbers([4, frames.length], [4, 0])));
  let sequence = 0;
  for (const [at, { png, ms }] of frames.entries()) {
    const chunks = chunksOf(png);
    if (!chunks[0]!.data.equals(header!.data)) throw new Error("the pictures are of different sizes or formats");
    const control = numbers(
      [4, sequence++],
      [4, width],
      [4, height],
      [4, 0],
      [4, 0],
      [2, ms],
      [2, 1000],
      [1, 0],
      [1, 0],
    );
    parts.push(chunk("fcTL", control));
    for (const { data } of chunks.filter(({ type }) => type === "IDAT")) {
      parts.push(at === 0 ? chunk("IDAT", data) : chunk("fdAT", Buffer.concat([numbers([4, sequence++]), data])));
    }
  }
  parts.push(chunk("IEND", Buffer.alloc(0)));
  return Buffer.concat(parts);
}
