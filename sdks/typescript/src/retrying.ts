/** Whether a failed request is tried again, and when: decided here, done elsewhere. */

import { ConnectionFailedError, MessagesError, RateLimitError, ServerError } from "./errors.js";

const FIRST_WAIT_MS = 500;
const LONGEST_BACKOFF_MS = 5_000;
/** Who is asked to wait longer than this is told so instead. */
const LONGEST_ASKED_MS = 60_000;

/** Tell whether the same request may succeed later. */
export function isTemporary(error: MessagesError): boolean {
  if (error.code === "idempotency_key_in_use") return error.status === 409;
  // The server never had all of the request.
  if (error.status === 408) return true;
  return error instanceof RateLimitError || error instanceof ServerError || error instanceof ConnectionFailedError;
}

/**
 * Return how long to wait before the next try, in milliseconds; null if there is none.
 *
 * *failed* is how many tries have failed, from 1; *random* is from 0 to 1.
 */
export function waitBeforeNext(error: MessagesError, failed: number, random: number): number | null {
  if (!isTemporary(error)) return null;
  if (error.retryAfter === undefined) return backoff(failed, random);
  const asked = error.retryAfter * 1000;
  return asked > LONGEST_ASKED_MS ? null : asked;
}

/** Return what a `Retry-After` asks for, in seconds; undefined if it says nothing that makes sense. */
export function retryAfterOf(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  // Only dates have letters: Date.parse would take "-5" and "1.5" for some.
  const atMs = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

function backoff(failed: number, random: number): number {
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (failed - 1), LONGEST_BACKOFF_MS);
  return longest * (1 - random / 4);
}
