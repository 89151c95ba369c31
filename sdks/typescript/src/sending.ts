/** What is sent: messages and their like, cards, and changes of groups. */

import type { Api } from "./api.js";
import { downloaded, uploaded } from "./files.js";
import type { MessagesClient } from "./methods.js";
import type { RequestOptions, SendContactCardParams, SendMessageParams } from "./parameters.js";
import type { OutboxItem } from "./types.js";
import { cardNameOf, vcardOf } from "./vcard.js";

export const sending = (api: Api) =>
  ({
    sendMessage: async (params, options) => sentMessage(api, params, options),
    sendReaction: async ({ from, to, messageId, type, emoji, remove }, options) =>
      api.accept("/v1/reactions", { from, to, message_id: messageId, type, emoji, remove }, options),
    startTyping: async ({ from, to }, options) => api.accept("/v1/typing", { from, to }, options),
    stopTyping: async ({ from, to }, options) => api.accept("/v1/typing", { from, to, state: "off" }, options),
    sendReadReceipt: async ({ from, to }, options) => api.accept("/v1/receipts", { from, to }, options),
    uploadFile: async (params, options) => uploaded(api, params, options),
    sendAudioMessage: async ({ from, to, audioMessage, replyTo }, options) => {
      judgeFileId("audioMessage", audioMessage);
      const body = { from, to, audio_message: audioMessage, reply_to: replyTo || undefined };
      return api.accept("/v1/audio-messages", body, options);
    },
    sendContactCard: async (params, options) => sentCard(api, params, options),
    editMessage: async ({ messageId, text }, options) =>
      api.accept("/v1/messages/edit", { message_id: messageId, text }, options),
    unsendMessage: async ({ messageId }, options) =>
      api.accept("/v1/messages/unsend", { message_id: messageId }, options),
  }) satisfies Partial<MessagesClient>;

export const changingGroups = (api: Api) =>
  ({
    createChat: async ({ from, participants, text, name }, options) =>
      api.accept("/v1/chats", { from, participants, text, name }, options),
    renameChat: async ({ from, to, name }, options) => api.accept("/v1/chats/rename", { from, to, name }, options),
    addParticipant: async ({ from, to, participant }, options) =>
      api.accept("/v1/chats/add", { from, to, participant }, options),
    removeParticipant: async ({ from, to, participant }, options) =>
      api.accept("/v1/chats/remove", { from, to, participant }, options),
    leaveChat: async ({ from, to }, options) => api.accept("/v1/chats/leave", { from, to }, options),
  }) satisfies Partial<MessagesClient>;

function sentMessage(api: Api, params: SendMessageParams, options?: RequestOptions): Promise<OutboxItem> {
  const { from, to, text, attachments, replyTo, effect } = params;
  // No attachments and no reply are said in many ways; only absent is understood everywhere.
  const body = { from, to, text, attachments: attachments ?? undefined, reply_to: replyTo || undefined, effect };
  return api.accept("/v1/messages", body, options);
}

async function sentCard(api: Api, params: SendContactCardParams, options?: RequestOptions): Promise<OutboxItem> {
  const { from, to, text, replyTo, effect } = params;
  const file = new TextEncoder().encode(vcardOf(params, await photoOf(api, params, options)));
  const filename = params.filename ?? cardNameOf(params);
  const card = await uploaded(api, { file, filename, mimeType: "text/vcard" }, ofUpload(options));
  return sentMessage(api, { from, to, text, attachments: [card.id], replyTo, effect }, options);
}

async function photoOf(api: Api, { photo }: SendContactCardParams, options?: RequestOptions) {
  if (!photo) return undefined;
  judgeFileId("photo", photo);
  return (await downloaded(api, photo, options)).data;
}

/** One key names one request: the upload has another one than the message. */
function ofUpload(options: RequestOptions = {}): RequestOptions {
  const { idempotencyKey } = options;
  return { ...options, idempotencyKey: idempotencyKey && `${idempotencyKey}-file` };
}

function judgeFileId(parameter: string, given: string): void {
  if (given.startsWith("file_")) return;
  throw new TypeError(
    `Invalid ${parameter}: it takes the id of an uploaded file ("file_..."), and got ${JSON.stringify(given)}.` +
      " Upload it by uploadFile first.",
  );
}
