import { read as readCallback } from "node:fs";
import { promisify } from "node:util";

const read = promisify(readCallback);
const newline = 0x0a;
const blockSize = 65_536;

/** One line of a file; offsets are in bytes. */
export interface Line {
  /** Without its line break. */
  bytes: Buffer;
  /** The place in the file at which it begins, and that of the next one. */
  start: number;
  end: number;
}

/** The bytes of `[from, to)`, fewer where the file is shorter. */
async function readBlock(descriptor: number, from: number, to: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(to - from);
  let filled = 0;
  while (filled < block.length) {
    const { bytesRead } = await read(descriptor, block, filled, block.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return block.subarray(0, filled);
}

/** The whole lines of `[from, to)`, a block at a time. A last one without a line break is not among them. */
export async function* linesForward(descriptor: number, from: number, to: number): AsyncGenerator<Line[]> {
  let begun: Buffer = Buffer.alloc(0);
  for (let position = from; position < to; ) {
    const block = await readBlock(descriptor, position, Math.min(position + blockSize, to));
    if (block.length === 0) return;
    const base = position - begun.length;
    const data = begun.length > 0 ? Buffer.concat([begun, block]) : block;
    const lines: Line[] = [];
    let start = 0;
    for (let stop = data.indexOf(newline); stop >= 0; stop = data.indexOf(newline, start)) {
      lines.push({ bytes: data.subarray(start, stop), start: base + start, end: base + stop + 1 });
      start = stop + 1;
    }
    begun = data.subarray(start);
    position += block.length;
    yield lines;
  }
}

/** The whole lines before `end`, last first, a block at a time. The text after the last line break is left out. */
export async function* linesBackward(descriptor: number, end: number): AsyncGenerator<Line[]> {
  let later: Buffer = Buffer.alloc(0);
  for (let position = end; position > 0; ) {
    const from = Math.max(0, position - blockSize);
    const data = Buffer.concat([await readBlock(descriptor, from, position), later]);
    const lines: Line[] = [];
    let stop = data.lastIndexOf(newline);
    while (stop >= 0) {
      const before = stop === 0 ? -1 : data.lastIndexOf(newline, stop - 1);
      // The line's beginning is in the block before, unless the file begins here.
      if (before < 0 && from > 0) break;
      lines.push({ bytes: data.subarray(before + 1, stop), start: from + before + 1, end: from + stop + 1 });
      stop = before;
    }
    later = data.subarray(0, stop + 1);
    position = from;
    yield lines;
  }
}

/** The first whole line that begins after `offset`; `undefined` where none ends within a block. */
export async function lineAfter(descriptor: number, offset: number, to: number): Promise<Line | undefined> {
  const block = await readBlock(descriptor, offset, Math.min(offset + blockSize, to));
  const start = block.indexOf(newline) + 1;
  const stop = start === 0 ? -1 : block.indexOf(newline, start);
  return stop < 0 ? undefined : { bytes: block.subarray(start, stop), start: offset + start, end: offset + stop + 1 };
}
