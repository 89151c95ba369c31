/** The bodies of answers, read piece by piece: however long they are, only silence is too long. */

import { connectionFailed } from "./errors.js";
import type { Deadline } from "./waiting.js";

/** Bring *body* as it comes; *deadline* counts while something is awaited. Throws a ConnectionFailedError if it is cut off. */
export async function* piecesOf(body: ReadableStream<Uint8Array>, deadline: Deadline): AsyncGenerator<Uint8Array> {
  const reader = body.getReader(); // Safari cannot iterate over streams
  for (;;) {
    const piece = await within(deadline, reader.read());
    if (piece.done) return;
    yield piece.value;
  }
}

/** Read all of *response*'s body; throws a ConnectionFailedError if it is cut off. */
export async function bytesOf(response: Response, deadline: Deadline): Promise<Uint8Array> {
  // Not each fetch that is given has streams of the web.
  if (!response.body?.getReader) return new Uint8Array(await within(deadline, response.arrayBuffer()));
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(response.body, deadline)) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

/** Count anew while *reading* is under way, and no longer. */
async function within<T>(deadline: Deadline, reading: Promise<T>): Promise<T> {
  deadline.putOff();
  try {
    return await reading;
  } catch (error) {
    if (deadline.isOver) throw connectionFailed("timeout", "The server began to answer, and did not go on in time.");
    throw connectionFailed("connection_failed", "The answer was cut off.", error);
  } finally {
    deadline.pause();
  }
}

/** Return the bytes that *value* is, of whatever realm it comes from; undefined if it is none. */
export function bytesIn(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return kindOf(value) === "ArrayBuffer" ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** Write *bytes* in lower-case hexadecimal. */
export function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Make up a name that nobody else makes up. */
export function randomName(): string {
  // Not randomUUID: browsers have that on secure pages only.
  return hexadecimal(crypto.getRandomValues(new Uint8Array(16)));
}

/** Name what kind of thing *value* is. */
export function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return tag === "Object" ? (value.constructor?.name ?? tag) : tag;
}
