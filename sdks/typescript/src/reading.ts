/** What is read: lines, chats and all that is in them, files, the outbox and events. */

import type { Api } from "./api.js";
import { AnyEventSchema } from "./eventSchemas.js";
import { connectionFailed } from "./errors.js";
import { downloaded, placeOf } from "./files.js";
import { followed, namesOf } from "./following.js";
import type { MessagesClient } from "./methods.js";
import type { RequestOptions, WaitForOutboxItemParams } from "./parameters.js";
import {
  ChatSchema,
  LineSchema,
  MessageSchema,
  OutboxItemSchema,
  ReactionSchema,
  ReadReceiptSchema,
  TypingIndicatorSchema,
} from "./schemas.js";
import type { OutboxItem } from "./types.js";

const LONGEST_WAIT_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;

export const reading = (api: Api) =>
  ({
    listLines: async ({ include, limit, cursor } = {}, options) =>
      api.page("/v1/lines", { include, limit, cursor }, LineSchema, options),
    listChats: async ({ from, limit, cursor }, options) =>
      api.page("/v1/chats", { from, limit, cursor }, ChatSchema, options),
    listMessages: async ({ from, to, q, limit, cursor }, options) =>
      api.page("/v1/messages", { from, to, q, limit, cursor }, MessageSchema, options),
    listReactions: async ({ messageId, limit, cursor }, options) =>
      api.page("/v1/reactions", { message_id: messageId, limit, cursor }, ReactionSchema, options),
    listTypingIndicators: async ({ from, to, limit, cursor }, options) =>
      api.page("/v1/typing", { from, to, limit, cursor }, TypingIndicatorSchema, options),
    listReadReceipts: async ({ from, to, limit, cursor }, options) =>
      api.page("/v1/receipts", { from, to, limit, cursor }, ReadReceiptSchema, options),
    getOutboxItem: async ({ id }, options) => api.get("/v1/outbox", { id }, OutboxItemSchema, options),
    waitForOutboxItem: async (params, options) => ended(api, params, options),
    getFileUrl: async ({ id }, options) => ({ url: (await placeOf(api, id, options)).url }),
    downloadFile: async ({ id }, options) => downloaded(api, id, options),
    events: (params = {}) => followed(api, params),
    listEvents: async ({ after, from, events, waitS, limit } = {}, options) => {
      const query = { after, wait_s: waitS, from, events: namesOf(events), limit };
      return api.page("/v1/events", query, AnyEventSchema, api.patient(options, (waitS ?? 0) * 1000), "after");
    },
  }) satisfies Partial<MessagesClient>;

async function ended(api: Api, params: WaitForOutboxItemParams, options: RequestOptions = {}): Promise<OutboxItem> {
  const { sleep, nowMs } = api.transport.world;
  const until = nowMs() + (params.timeout ?? LONGEST_WAIT_MS);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const item = await api.get("/v1/outbox", { id: params.id }, OutboxItemSchema, options);
    if (item.status === "sent" || item.status === "failed") return item;
    const leftMs = until - nowMs();
    if (!(leftMs > 0)) throw connectionFailed("timeout", `${params.id} is ${item.status} still.`);
    await sleep(Math.min(pauseMs, leftMs), options.signal);
  }
}
