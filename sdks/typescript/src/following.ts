/**
 * The stream of events, taken up again wherever it breaks.
 *
 * What was heard last is named when a connection is made anew, so that nothing is missed and nothing comes twice. Only
 * a refusal that cannot get better ends it: a server that is away may come back.
 */

import type { Api } from "./api.js";
import { camelKeys } from "./casing.js";
import { MessagesError } from "./errors.js";
import { AnyEventSchema } from "./eventSchemas.js";
import type { FollowEventsParams } from "./parameters.js";
import { isTemporary } from "./retrying.js";
import { type Frame, framesOf } from "./sse.js";
import { connectionFailed, parsed, unexpected } from "./transport.js";
import type { Event } from "./types.js";
import { Deadline } from "./waiting.js";

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
/** The server says something every 15 seconds: who is silent for so long is gone. */
const LONGEST_SILENCE_MS = 60_000;

/** Where a follower is. */
interface Standing {
  lastId: string | undefined;
  /** How long to wait before connecting again. */
  retryMs: number;
  /** How often connecting has failed since anything was heard. */
  failed: number;
}

/** Follow events until the consumer stops or *params*' signal is aborted. */
export async function* followed(api: Api, params: FollowEventsParams): AsyncGenerator<Event, void, undefined> {
  const standing: Standing = { lastId: params.after, retryMs: FIRST_WAIT_MS, failed: 0 };
  try {
    for (;;) {
      const ended: { error?: MessagesError } = {};
      yield* heardOnce(api, params, standing, ended);
      await api.transport.world.sleep(waitAfter(standing, ended.error), params.signal);
    }
  } catch (error) {
    if (!params.signal?.aborted) throw error;
  }
}

/** Bring what one connection brings; an error that may pass is left in *ended*. */
async function* heardOnce(
  api: Api,
  params: FollowEventsParams,
  standing: Standing,
  ended: { error?: MessagesError },
): AsyncGenerator<Event, void, undefined> {
  const deadline = new Deadline(LONGEST_SILENCE_MS, params.signal);
  try {
    const response = await opened(api, params, standing, deadline);
    for await (const frame of framesOf(bodyOf(response), () => deadline.putOff())) {
      note(standing, frame);
      if (frame.data) yield eventIn(frame.data, response);
    }
  } catch (error) {
    ended.error = passing(error);
  } finally {
    deadline.abort();
  }
}

function opened(api: Api, params: FollowEventsParams, standing: Standing, deadline: Deadline): Promise<Response> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (standing.lastId) headers["Last-Event-ID"] = standing.lastId;
  const query = { from: params.from, events: namesOf(params.events) };
  return api.transport.open(api.asking("/v1/events", query, headers), deadline);
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
  standing.retryMs = frame.retry ?? standing.retryMs;
}

function eventIn(data: string, response: Response): Event {
  const event = AnyEventSchema.safeParse(parsed(data));
  if (event.success) return camelKeys(event.data);
  throw unexpected(response, "The stream brought an event in another shape than its name has.", undefined, event.error);
}

/** Return an error that may pass; throws any other. */
function passing(error: unknown): MessagesError {
  if (!(error instanceof MessagesError)) return connectionFailed("connection_failed", "The stream broke off.", error);
  if (!isTemporary(error)) throw error;
  return error;
}

function waitAfter(standing: Standing, error: MessagesError | undefined): number {
  if (error?.retryAfter !== undefined) return error.retryAfter * 1000;
  const doubled = standing.retryMs * 2 ** standing.failed++;
  return Math.max(standing.retryMs, Math.min(doubled, LONGEST_WAIT_MS));
}
