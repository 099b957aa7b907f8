import { othersTurn } from "../../domain/others-turn.ts";
import type { Collection } from "../../storage/keyspace.ts";
import type { Context } from "../context.ts";

const pageSize = 100;
/** On a Worker, each page lists its collection from the beginning. */
const boundedPageSize = 1_000;

/** Every record of a collection, without holding them all. */
export async function* allRecords<C extends Collection>(context: Context, collection: C) {
  const limit = context.mostBulkChanges === undefined ? pageSize : boundedPageSize;
  let cursor: string | undefined;
  do {
    const page = await context.records.list(collection, { cursor, limit });
    yield* page.items;
    cursor = page.nextCursor;
    if (cursor !== undefined) await othersTurn();
  } while (cursor !== undefined);
}
