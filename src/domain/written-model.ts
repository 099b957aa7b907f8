import { holdsKey } from "./key-shapes.ts";

const form = /^[\w.:@/+-]{1,200}$/;

/** A model's name as it is stored and told: an agent's own text that is hardly one, or holds a key, is `-`. */
export const writtenModel = (model: string | undefined): string =>
  model !== undefined && form.test(model) && !holdsKey(model) ? model : "-";
