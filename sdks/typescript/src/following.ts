/**
 * The stream of events, taken up again wherever it breaks.
 *
 * What was heard last is named when a connection is made anew, so that nothing is missed and nothing comes twice. Only
 * a refusal that cannot get better ends it: a server that is away may come back.
 */

import type { Api } from "./api.js";
import { piecesOf } from "./bodies.js";
import { camelKeys } from "./casing.js";
import { MessagesError } from "./errors.js";
import { AnyEventSchema } from "./eventSchemas.js";
import type { FollowEventsParams } from "./parameters.js";
import { isTemporary } from "./retrying.js";
import { type Frame, framesOf, isPlace } from "./sse.js";
import { type Call, parsed, unexpected } from "./transport.js";
import type { Event } from "./types.js";
import { Deadline } from "./waiting.js";

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
/** Whatever a server asks for: it is not asked without end, nor left alone for good. */
const SHORTEST_WAIT_MS = 100;
const LONGEST_ASKED_MS = 3_600_000;
/** The server says something every 15 seconds: who is silent for so long is gone. */
const LONGEST_SILENCE_MS = 60_000;

/** Where a follower is. */
interface Standing {
  lastId: string | undefined;
  /** How long to wait before connecting again. */
  retryMs: number;
  /** How often connecting has failed since anything was heard. */
  failed: number;
  /** What ended the last connection, if it did not just end. */
  error?: MessagesError;
}

/** Follow events until the consumer stops or *params*' signal is aborted. */
export async function* followed(api: Api, params: FollowEventsParams): AsyncGenerator<Event, void, undefined> {
  const call = callOf(api, params);
  const standing: Standing = { lastId: params.after, retryMs: FIRST_WAIT_MS, failed: 0 };
  try {
    for (;;) {
      yield* heardOnce(api, call, standing, params.signal);
      await api.transport.world.sleep(waitAfter(standing), params.signal);
    }
  } catch (error) {
    if (!params.signal?.aborted) throw error;
  }
}

/** Bring what one connection brings; an error that may pass is left in *standing*. */
async function* heardOnce(
  api: Api,
  call: Call,
  standing: Standing,
  signal: AbortSignal | undefined,
): AsyncGenerator<Event, void, undefined> {
  const deadline = new Deadline(LONGEST_SILENCE_MS, signal);
  standing.error = undefined;
  try {
    const response = await opened(api, call, standing, deadline);
    for await (const frame of framesOf(piecesOf(bodyOf(response), deadline))) {
      note(standing, frame);
      if (frame.data) yield eventIn(frame.data, response);
    }
  } catch (error) {
    standing.error = passing(error);
  } finally {
    deadline.abort();
  }
}

/** Make the call, without its place; throws for a place that no header can bear. */
function callOf(api: Api, { after, from, events }: FollowEventsParams): Call {
  if (after && !isPlace(after)) {
    throw new TypeError(`Invalid after: it takes the id of an event ("evt_..."), and got ${JSON.stringify(after)}.`);
  }
  return api.asking("/v1/events", { from, events: namesOf(events) }, { Accept: "text/event-stream" });
}

function opened(api: Api, call: Call, { lastId }: Standing, deadline: Deadline): Promise<Response> {
  const headers = lastId ? { ...call.headers, "Last-Event-ID": lastId } : call.headers;
  return api.transport.open({ ...call, headers }, deadline);
}

/** Write the types of events as queries have them; one alone may be given as it is. */
export function namesOf(events: FollowEventsParams["events"]): string | undefined {
  return events && [events].flat().join(",");
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  if (response.status === 200 && isStream && response.body) return response.body;
  throw unexpected(response, "The server answered with something else than a stream of events: is baseUrl right?");
}

function note(standing: Standing, frame: Frame): void {
  standing.failed = 0;
  standing.lastId = frame.id ?? standing.lastId;
  if (frame.retry !== undefined) standing.retryMs = Math.max(frame.retry, SHORTEST_WAIT_MS);
}

function eventIn(data: string, response: Response): Event {
  const event = AnyEventSchema.safeParse(parsed(data));
  if (event.success) return camelKeys(event.data);
  throw unexpected(response, "The stream brought an event in another shape than its name has.", undefined, event.error);
}

/** Return an error that may pass; throws any other. */
function passing(error: unknown): MessagesError {
  if (error instanceof MessagesError && isTemporary(error)) return error;
  throw error;
}

function waitAfter(standing: Standing): number {
  const { retryAfter } = standing.error ?? {};
  const askedMs = retryAfter === undefined ? backoff(standing) : retryAfter * 1000;
  return Math.min(Math.max(askedMs, SHORTEST_WAIT_MS), LONGEST_ASKED_MS);
}

function backoff(standing: Standing): number {
  const doubled = standing.retryMs * 2 ** standing.failed++;
  return Math.max(standing.retryMs, Math.min(doubled, LONGEST_WAIT_MS));
}
