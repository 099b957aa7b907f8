/** `cursor` is the `nextCursor` of the page before. */
export interface PageQuery {
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** Every page from `cursor` on. */
export async function* pagesOf<Query extends PageQuery, Page extends { nextCursor?: string | undefined }>(
  read: (query: Query) => Promise<Page>,
  query: Query,
): AsyncGenerator<Page> {
  for (let cursor = query.cursor; ; ) {
    const page = await read({ ...query, cursor });
    yield page;
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}
