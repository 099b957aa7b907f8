import { imageSize } from "../../domain/image-size.ts";
import { isRecord } from "./body-fields.ts";
import type { ImageRule } from "./image-rules.ts";

/**
 * Tokens of the media in a body beyond their own bytes.
 *
 * Bytes bound what is text. Media are bounded by the operator's setting, and at least by the dearest image that the
 * model takes: each that is named (an address, a file's id) counts as that much. So does one that is carried as base64,
 * and at least by its bytes: a document or a sound can be packed without limit. An image counts by its size instead,
 * where that can be told for certain.
 */
export interface MediaCounter {
  readonly beyond: number;
  /** Whether there are any. */
  readonly found: boolean;
  /** @param prefix characters before the base64, as in a data URL */
  carried(data: string, mediaType: string, prefix?: number): void;
  named(): void;
  /** Text that the provider keeps, or that is sealed and perhaps packed. */
  stored(): void;
  /** An image or a sound by its address, bare or in an object's `url`, which may carry it. */
  address(value: unknown): void;
}

export function createMediaCounter(perReference: number, image: ImageRule): MediaCounter {
  let beyond = 0;
  let found = false;
  const reference = Math.max(perReference, image.dearest);

  const carried: MediaCounter["carried"] = (data, mediaType, prefix = 0) => {
    found = true;
    if (!mediaType.startsWith("image/")) {
      beyond += Math.max(0, reference - data.length);
      return;
    }
    const size = imageSize(data.slice(prefix), image.urlSafeBase64);
    beyond += (size === undefined ? reference : image.tokens(size, data.length)) - data.length;
  };
  const named = (): void => {
    found = true;
    beyond += reference;
  };
  return {
    get beyond() {
      return beyond;
    },
    get found() {
      return found;
    },
    carried,
    named,
    stored() {
      beyond += perReference;
    },
    address(value) {
      const url = isRecord(value) ? value.url : value;
      const data = typeof url === "string" ? /^data:([^;,]*)[^,]*,/i.exec(url.slice(0, 256)) : null;
      if (data) carried(url as string, data[1]!.toLowerCase(), data[0].length);
      // Without an address the server may know it by something else.
      else named();
    },
  };
}
