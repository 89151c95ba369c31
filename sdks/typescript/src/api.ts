/** The API's grammar: JSON there, JSON back, and pages of lists. */

import type { z } from "zod";

import { camelKeys, type CamelCaseKeys } from "./casing.js";
import { paged } from "./pages.js";
import type { RequestOptions } from "./parameters.js";
import { ListResponseSchema, OutboxItemSchema } from "./schemas.js";
import { type Call, type Reading, Transport, parsed, textOf, unexpected } from "./transport.js";
import type { OutboxItem, PaginatedResponse } from "./types.js";

type Fields = Record<string, unknown>;
type Told<Schema extends z.ZodType> = Promise<CamelCaseKeys<z.infer<Schema>>>;
type Page<Item extends z.ZodType> = Promise<PaginatedResponse<CamelCaseKeys<z.infer<Item>>>>;

export class Api {
  constructor(readonly transport: Transport) {}

  /** GET *path*. */
  get<Schema extends z.ZodType>(path: string, query: Fields, schema: Schema, options?: RequestOptions): Told<Schema> {
    return this.transport.send(this.asking(path, query), jsonOf(schema), options);
  }

  /** POST *body* to *path*. */
  post<Schema extends z.ZodType>(path: string, body: Fields | null, schema: Schema, options?: RequestOptions): Told<Schema> {
    return this.transport.send(this.#writing("POST", path, body), jsonOf(schema), options);
  }

  /** POST what is to be sent. */
  accept(path: string, body: Fields, options?: RequestOptions): Promise<OutboxItem> {
    return this.post(path, body, OutboxItemSchema, options);
  }

  /** DELETE at *path* what *body* names. */
  delete<Schema extends z.ZodType>(path: string, body: Fields, schema: Schema, options?: RequestOptions): Told<Schema> {
    return this.transport.send(this.#writing("DELETE", path, body), jsonOf(schema), options);
  }

  /** GET a page at *path*; those that follow are asked for with its cursor as the parameter *place*. */
  page<Item extends z.ZodType>(
    path: string,
    query: Fields,
    schema: Item,
    options?: RequestOptions,
    place = "cursor",
  ): Page<Item> {
    const reading = jsonOf(ListResponseSchema(schema));
    const fetched = (asked: Fields) => this.transport.send(this.asking(path, asked), reading, options);
    return paged(fetched, query, place) as Page<Item>;
  }

  /** Return *options* with *ms* milliseconds more for the answer. */
  patient(options: RequestOptions | undefined, ms: number): RequestOptions {
    return { ...options, timeout: (options?.timeout ?? this.transport.settings.timeoutMs) + ms };
  }

  /** Make the call of a GET. */
  asking(path: string, query: Fields, headers?: Record<string, string>): Call {
    return { method: "GET", url: this.transport.url(path, query), headers: this.transport.authorized(headers) };
  }

  #writing(method: "POST" | "DELETE", path: string, body: Fields | null): Call {
    const headers = this.transport.authorized(body === null ? {} : { "Content-Type": "application/json" });
    return { method, url: this.transport.url(path), headers, body: body === null ? undefined : JSON.stringify(body) };
  }
}

/** Make the reading of an answer that has the shape of *schema*. */
export function jsonOf<Schema extends z.ZodType>(schema: Schema): Reading<CamelCaseKeys<z.infer<Schema>>> {
  return (response, bytes) => {
    if (!response.ok) throw unexpected(response, redirected(response));
    const body = parsed(textOf(bytes));
    const { data, error } = schema.safeParse(body);
    if (error) throw unexpected(response, misshapen(response, error), body, error);
    return camelKeys(data as z.infer<Schema>);
  };
}

function redirected(response: Response): string {
  const location = response.headers.get("Location");
  return `The server leads elsewhere${location ? ` (${location})` : ""}, which is not followed: is baseUrl right?`;
}

function misshapen(response: Response, error: z.ZodError): string {
  const { path = [], message = "" } = error.issues[0] ?? {};
  const where = path.length ? `${path.join(".")}: ` : "";
  return `The answer with status ${response.status} is none of this API's (${where}${message}): is baseUrl right?`;
}
