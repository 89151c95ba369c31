/** What methods take. Handles are phone numbers in any usual notation, Apple IDs, or ids (`ln_...`, `cht_...`). */

import type { WebhookEventName } from "./types.js";

/** How a client is made. */
export interface ClientConfig {
  /** `sk_live_...`; absent, MESSAGES_API_KEY of the environment. */
  apiKey?: string;
  /** Where the server is; absent, MESSAGES_API_URL of the environment, else http://127.0.0.1:8080. */
  baseUrl?: string;
  /** How long an answer may take to begin, or to go on, in milliseconds; 30,000 if absent. Each 64 KiB sent add a second. */
  timeout?: number;
  /** How often a request is repeated at most; 2 if absent. */
  maxRetries?: number;
  /** What to make requests with; absent, the global `fetch`. */
  fetch?: (url: string, request?: RequestInit) => Promise<Response>;
}

/** What every method takes beside its parameters. */
export interface RequestOptions {
  /** Requests with the same one have their effect once, for a day; absent, a random one. Of GETs without meaning. */
  idempotencyKey?: string;
  /** Ends the call. */
  signal?: AbortSignal;
  /** How long an answer may take to begin, or to go on, in milliseconds; absent, what the client has. */
  timeout?: number;
}

/** A chat on a line. */
export interface ChatParams {
  from: string;
  /** The other side, or a chat's id: groups have only that. */
  to: string;
}

export interface PageParams {
  /** How many items at most, up to 100. */
  limit?: number;
  /** The `nextCursor` of the page before. */
  cursor?: string;
}

/** What comes with a text, on the bubble or over the screen. */
export type MessageEffect =
  | "balloons"
  | "celebration"
  | "confetti"
  | "echo"
  | "fireworks"
  | "gentle"
  | "heart"
  | "invisible_ink"
  | "lasers"
  | "loud"
  | "slam"
  | "spotlight";

export interface SendMessageParams extends ChatParams {
  text?: string;
  /** At most one uploaded file (`file_...`). */
  attachments?: string[];
  /** The message that is answered: `msg_...` or its GUID. */
  replyTo?: string;
  effect?: MessageEffect;
}

export interface SendReactionParams extends ChatParams {
  /** `msg_...` or a GUID. */
  messageId: string;
  /** love, like, dislike, laugh, emphasize or question. */
  type?: string;
  /** Any emoji, in the place of `type`. */
  emoji?: string;
  /** Whether to take it off again. */
  remove?: boolean;
}

export type TypingParams = ChatParams;
export type SendReadReceiptParams = ChatParams;

export interface SendAudioMessageParams extends ChatParams {
  /** An uploaded sound (`file_...`). */
  audioMessage: string;
  /** The message that is answered: `msg_...` or its GUID. */
  replyTo?: string;
}

export interface ContactPhone {
  value: string;
  /** cell, work, home, main, fax ...; cell if absent. */
  type?: string;
}

export interface ContactEmail {
  value: string;
  /** work, home ... */
  type?: string;
}

export interface ContactAddress {
  street?: string;
  city?: string;
  region?: string;
  postalCode?: string;
  country?: string;
  /** work, home ... */
  type?: string;
}

/** A person, as address books know them. */
export interface Contact {
  firstName: string;
  lastName: string;
  org?: string;
  title?: string;
  url?: string;
  phones?: ContactPhone[];
  emails?: ContactEmail[];
  address?: ContactAddress;
  /** YYYY-MM-DD. */
  bday?: string;
  note?: string;
  /** What the photo is; absent, its first bytes tell. */
  photoType?: "JPEG" | "PNG";
}

export interface SendContactCardParams extends ChatParams, Contact {
  /** What to say with it. */
  text?: string;
  replyTo?: string;
  effect?: MessageEffect;
  /** An uploaded picture (`file_...`), which is put into the card. */
  photo?: string;
  /** What the card's file is called; `<first>-<last>.vcf` if absent. */
  filename?: string;
}

export interface EditMessageParams {
  /** `msg_...` or a GUID. */
  messageId: string;
  text: string;
}

export interface UnsendMessageParams {
  /** `msg_...` or a GUID. */
  messageId: string;
}

export interface UploadFileParams {
  file: Blob | ArrayBuffer | ArrayBufferView;
  /** What it is called. */
  filename?: string;
  /** Its media type; application/octet-stream if absent. */
  mimeType?: string;
}

export interface CreateChatParams {
  from: string;
  /** The others: two or more. */
  participants: string[];
  /** The first message: a group begins with one. */
  text: string;
  name?: string;
}

export interface RenameChatParams extends ChatParams {
  name: string;
}

export interface ParticipantParams extends ChatParams {
  /** Who is added or removed. */
  participant: string;
}

export interface ListLinesParams extends PageParams {
  /** What else to tell of each line. */
  include?: "capabilities";
}

export interface ListChatsParams extends PageParams {
  from: string;
}

export interface ListMessagesParams extends ChatParams, PageParams {
  /** Only messages whose text has this in it. */
  q?: string;
}

export interface ListReactionsParams extends PageParams {
  /** `msg_...` or a GUID. */
  messageId: string;
}

export interface ListTypingIndicatorsParams extends ChatParams, PageParams {}
export interface ListReadReceiptsParams extends ChatParams, PageParams {}

export interface ListWebhooksParams extends PageParams {
  /** Only those of this line. */
  from?: string;
}

export interface CreateWebhookParams {
  /** The line; an empty string means all that the key may use. */
  from: string;
  url: string;
  events: (WebhookEventName | (string & {}))[];
  /** How long to wait before each further try, in seconds. */
  retryDelaysS?: number[];
}

export interface ListWebhookDeliveriesParams extends PageParams {
  webhookId?: string;
  status?: "pending" | "delivered" | "failed" | "cancelled";
  /** Only of events from then on (Unix milliseconds). */
  since?: number;
  /** Only of events before then (Unix milliseconds). */
  until?: number;
}

export interface ListWebhookAttemptsParams extends PageParams {
  deliveryId: string;
}

export interface RotateWebhookSecretParams {
  id: string;
  /** For how long `webhook-signature` is made with the earlier secret as well, in seconds; a day if absent. */
  overlapS?: number;
}

/** One delivery, or those of a webhook. */
export interface ReplayWebhookDeliveriesParams {
  deliveryId?: string;
  webhookId?: string;
  /** Only those; all that did not arrive if absent. */
  status?: "failed" | "cancelled" | "missed" | "delivered";
  /** Only of events from then on (Unix milliseconds). */
  since?: number;
  /** Only of events before then (Unix milliseconds). */
  until?: number;
}

export interface TestWebhookParams {
  id: string;
  /** Of which of its events to send an example; the first if absent. */
  event?: string;
}

/** What is to be different; null puts back what the installation does. */
export interface UpdateSettingsParams {
  extendedEvents?: boolean | null;
  stopHandling?: boolean | null;
  pacing?: { intervalMs?: number | null; burst?: number | null } | null;
  loopGuard?: { limit?: number | null; windowS?: number | null; pauseS?: number | null } | null;
}

export interface FilterEventsParams {
  /** Only what comes after this event; its id. */
  after?: string;
  /** Only those of this line. */
  from?: string;
  /** Only those of these types. */
  events?: WebhookEventName | (string & {}) | readonly (WebhookEventName | (string & {}))[];
}

export interface ListEventsParams extends FilterEventsParams {
  /** If there is nothing, wait so many seconds for something, up to 30; the call may take as much longer. */
  waitS?: number;
  /** How many events at most, up to 100. */
  limit?: number;
}

export interface FollowEventsParams extends FilterEventsParams {
  /** Ends it. */
  signal?: AbortSignal;
}

export interface WaitForOutboxItemParams {
  id: string;
  /** How long to wait, in milliseconds; 60,000 if absent. */
  timeout?: number;
}
