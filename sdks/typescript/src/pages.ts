/** Lists come in pages; iterating over one goes through all. */

import { UnexpectedResponseError } from "./errors.js";
import type { PaginatedResponse } from "./types.js";

type Query = Record<string, unknown>;
type Fetched<Item> = Omit<PaginatedResponse<Item>, typeof Symbol.asyncIterator>;

/** Fetch the page that *query* asks for; those that follow have their cursor as the parameter *place*. */
export async function paged<Item>(
  fetched: (query: Query) => Promise<Fetched<Item>>,
  query: Query,
  place: string,
): Promise<PaginatedResponse<Item>> {
  const first = await fetched(query);
  const next = (cursor: string): Promise<Fetched<Item>> => fetched({ ...query, [place]: cursor });
  return { ...first, [Symbol.asyncIterator]: () => items(first, next) };
}

/** Bring all items; throws if a cursor leads to where it was already, which would never end. */
async function* items<Item>(
  first: Fetched<Item>,
  next: (cursor: string) => Promise<Fetched<Item>>,
): AsyncGenerator<Item, void, undefined> {
  const seen = new Set<string>();
  for (let page = first; ; ) {
    yield* page.data;
    if (!page.hasMore || !page.nextCursor) return;
    if (seen.has(page.nextCursor)) throw leadsBack(page.requestId);
    seen.add(page.nextCursor);
    page = await next(page.nextCursor);
  }
}

function leadsBack(requestId: string): UnexpectedResponseError {
  const message = "The list leads back to where it was, and would never end.";
  return new UnexpectedResponseError({ type: "api_error", code: "unexpected_response", message, status: 200, requestId });
}
