/**
 * Requests: made, repeated where that helps, and their answers judged.
 *
 * A write bears an Idempotency-Key, the same for all its tries, so that the server does it once. And once it was
 * answered with a 2xx it was done: whatever is wrong with that answer, it is not asked for again.
 */

import { bytesOf, randomName } from "./bodies.js";
import { MessagesError, UnexpectedResponseError, connectionFailed, errorOfStatus } from "./errors.js";
import type { RequestOptions } from "./parameters.js";
import { retryAfterOf, waitBeforeNext } from "./retrying.js";
import { ErrorResponseSchema } from "./schemas.js";
import { Deadline } from "./waiting.js";

/** What of the world a client needs; tests have another one. */
export interface World {
  fetch(url: string, request?: RequestInit): Promise<Response>;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
  nowMs(): number;
}

export interface Settings {
  apiKey: string;
  /** Without a slash at its end. */
  baseUrl: string;
  timeoutMs: number;
  maxRetries: number;
}

/** One request, however often it is tried. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: string | Blob | Uint8Array;
}

/** Turns an answer that was none of refusal, and its body, into what was asked for; throws if it cannot. */
export type Reading<T> = (response: Response, body: Uint8Array) => T | Promise<T>;

export class Transport {
  readonly settings: Settings;
  readonly world: World;

  constructor(settings: Settings, world: World) {
    this.settings = settings;
    this.world = world;
  }

  /** Make *call*, again if need be, and read its answer; throws a MessagesError, or the reason of the caller's signal. */
  async send<T>(call: Call, reading: Reading<T>, options: RequestOptions = {}): Promise<T> {
    const keyed = withIdempotencyKey(call, options);
    new Headers(keyed.headers); // throws for what no header can bear; fetch would tell it as if nobody were there
    for (let failed = 1; ; failed++) {
      try {
        return await this.#try(keyed, reading, options);
      } catch (error) {
        const waitMs = this.#waitAfter(error, failed);
        if (waitMs === null) throw error;
        await this.world.sleep(waitMs, options.signal);
      }
    }
  }

  /** Ask once, and return the answer with its body unread; throws if it is a refusal. */
  async open(call: Call, deadline: Deadline): Promise<Response> {
    const { url, ...request } = call;
    const { fetch } = this.world;
    let response: Response;
    try {
      response = await fetch(url, { ...(request as RequestInit), redirect: "manual", signal: deadline.signal });
    } catch (error) {
      if (isMistake(error)) throw error;
      throw unanswered(error, deadline);
    }
    if (response.status >= 400) throw await this.#refusal(response, deadline);
    return response;
  }

  /** Return *headers* with the key. */
  authorized(headers: Record<string, string> = {}): Record<string, string> {
    return { Authorization: `Bearer ${this.settings.apiKey}`, ...headers };
  }

  /** Return the address of *path*, with what of *query* is there. */
  url(path: string, query: Record<string, unknown> = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const written = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return this.settings.baseUrl + path + (written && `?${written}`);
  }

  async #try<T>(call: Call, reading: Reading<T>, options: RequestOptions): Promise<T> {
    options.signal?.throwIfAborted();
    const deadline = new Deadline((options.timeout ?? this.settings.timeoutMs) + sendingMs(call), options.signal);
    try {
      const response = await this.open(call, deadline);
      const body = await bytesOf(response, deadline).catch((error: unknown) => {
        throw unread(error, call, response);
      });
      return await reading(response, body);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    } finally {
      deadline.end();
    }
  }

  #waitAfter(error: unknown, failed: number): number | null {
    if (failed > this.settings.maxRetries || !(error instanceof MessagesError)) return null;
    return waitBeforeNext(error, failed, this.world.random());
  }

  async #refusal(response: Response, deadline: Deadline): Promise<MessagesError> {
    const body = parsed(textOf(await bytesOf(response, deadline).catch(() => new Uint8Array())));
    const said = ErrorResponseSchema.shape.error.safeParse(member(body, "error")).data;
    return errorOfStatus({
      type: said?.type ?? "api_error",
      code: said?.code ?? "unknown_error",
      message: said?.message ?? `The server answered with status ${response.status}, and did not say why.`,
      param: said?.param,
      status: response.status,
      requestId: requestIdOf(response, body),
      retryAfter: retryAfterOf(response.headers.get("Retry-After"), this.world.nowMs()),
    });
  }
}

/** Make the error of an answer that is none of the API's; *body* is its JSON, if it is any. */
export function unexpected(response: Response, message: string, body?: unknown, cause?: unknown): MessagesError {
  const { status } = response;
  const requestId = requestIdOf(response, body);
  return new UnexpectedResponseError({ type: "api_error", code: "unexpected_response", message, status, requestId, cause });
}

/** Read *bytes* as UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Read *text* as JSON; undefined if it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withIdempotencyKey(call: Call, options: RequestOptions): Call {
  if (call.method === "GET") return call;
  return { ...call, headers: { ...call.headers, "Idempotency-Key": options.idempotencyKey || randomName() } };
}

/** How much longer a call may take for what it sends: a second for each 64 KiB. */
function sendingMs({ body = "" }: Call): number {
  const size = typeof body === "string" ? body.length : body instanceof Blob ? body.size : body.byteLength;
  return Math.floor(size / 65_536) * 1000;
}

/** Tell what no network fails with, but a fetch that was written wrongly. */
function isMistake(error: unknown): boolean {
  return error instanceof ReferenceError || error instanceof SyntaxError || error instanceof RangeError;
}

function unanswered(error: unknown, deadline: Deadline): MessagesError {
  if (deadline.isOver) return connectionFailed("timeout", "The server did not answer in time.");
  return connectionFailed("connection_failed", `The server could not be reached: ${reasonOf(error)}.`, error);
}

function unread(error: unknown, call: Call, response: Response): unknown {
  if (call.method === "GET") return error;
  const message = `The request was answered with status ${response.status}, but the answer was cut off.`;
  return unexpected(response, message, undefined, error);
}

function requestIdOf(response: Response, body: unknown): string {
  const told = member(body, "request_id");
  return typeof told === "string" ? told : (response.headers.get("X-Request-Id") ?? "");
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message || message || String(error);
}
