import { isSealedUnderNewest, type Sealing } from "./vault.ts";

interface NewRecord<R> {
  sealed(): Promise<R>;
  store(record: R): Promise<void>;
  jweOf(record: R): string;
}

/**
 * Seals and stores a new record. A rotation of the seal key may have looked at all records before this one was there,
 * and then drops the key under which it was sealed.
 */
export async function storeSealed<R>(context: Sealing, { sealed, store, jweOf }: NewRecord<R>): Promise<R> {
  let record = await sealed();
  await store(record);
  if (!(await isSealedUnderNewest(context, jweOf(record)))) {
    record = await sealed();
    await store(record);
  }
  return record;
}
