import { imageSize, mostSteps } from "../../domain/image-size.ts";
import { isRecord } from "../../domain/is-record.ts";
import { textOf } from "./body-fields.ts";
import type { ImageRule } from "./image-rules.ts";

/** The media in a body, as they were counted. */
export interface CountedMedia {
  /** Tokens beyond their own bytes. */
  readonly beyond: number;
  /** Whether there are any. */
  readonly found: boolean;
}

/**
 * Tokens of the media in a body beyond their own bytes.
 *
 * Bytes bound what is text. Media are bounded by the operator's setting, and at least by the dearest image that the
 * model takes: each that is named (an address, a file's id) counts as that much. So does one that is carried as base64,
 * and at least by its bytes: a document or a sound can be packed without limit. An image counts by its size instead,
 * where that can be told for certain.
 */
export interface MediaCounter extends CountedMedia {
  /** @param prefix characters before the base64, as in a data URL */
  carried(data: string, mediaType: string, prefix?: number): void;
  named(): void;
  /** Text that the provider keeps, or that is sealed and perhaps packed. */
  stored(): void;
  /** An image or a sound by its address, bare or in an object's `url`, which may carry it. */
  address(value: unknown): void;
}

/**
 * The counter of one request.
 *
 * @param perReference tokens of a medium that is named and not carried, by the operator's setting
 */
export const createMediaCounter = (perReference: number, image: ImageRule): MediaCounter =>
  new Counter(perReference, image);

class Counter implements MediaCounter {
  beyond = 0;
  found = false;
  readonly #perReference: number;
  readonly #reference: number;
  readonly #image: ImageRule;
  readonly #steps = { left: mostSteps };

  constructor(perReference: number, image: ImageRule) {
    this.#perReference = perReference;
    this.#reference = Math.max(perReference, image.dearest);
    this.#image = image;
  }

  carried(data: string, mediaType: string, prefix = 0): void {
    this.found = true;
    if (!mediaType.startsWith("image/")) {
      this.beyond += Math.max(0, this.#reference - data.length);
      return;
    }
    const size = imageSize(data.slice(prefix), this.#image.urlSafeBase64, this.#steps);
    this.beyond += (size === undefined ? this.#reference : this.#image.tokens(size, data.length)) - data.length;
  }

  named(): void {
    this.found = true;
    this.beyond += this.#reference;
  }

  stored(): void {
    this.beyond += this.#perReference;
  }

  address(value: unknown): void {
    const url = isRecord(value) ? value.url : value;
    const data = typeof url === "string" ? /^data:([^;,]*)[^,]*,/i.exec(url.slice(0, 256)) : null;
    // LiteLLM goes by `format`: a picture may be another medium too, as a sound with something in front of it.
    const other = isRecord(value) && !/^image\/|^undefined$/i.test(textOf(value.format ?? undefined));
    if (data) this.carried(url as string, other ? "" : data[1]!.toLowerCase(), data[0].length);
    // Without an address the server may know it by something else.
    else this.named();
  }
}
