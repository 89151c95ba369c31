/** What code that was written for the hosted service's SDK counts on; most of it is judged by the compiler. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as sdk from "../src/index.js";
import type {
  CamelCaseKeys, Chat, ClientConfig, ContactAddress, ContactEmail, ContactPhone, CreateWebhookParams, DeletedResponse,
  Event, File, Line, ListChatsParams, ListMessagesParams, ListReactionsParams, ListReadReceiptsParams,
  ListTypingIndicatorsParams, ListWebhooksParams, Message, MessageEventData, MessageReceivedEvent, MessageSentEvent,
  MessagesClient, OutboxItem, PaginatedResponse, Reaction, ReactionAddedEvent, ReactionEventData, ReactionRemovedEvent,
  ReadReceipt, SendAudioMessageParams, SendContactCardParams, SendMessageParams, SendReactionParams,
  SendReadReceiptParams, TypingIndicator, TypingParams, UploadFileParams, Webhook, WebhookEvent, WebhookEventDataFor,
  WebhookEventName,
} from "../src/index.js";

const VALUES = [
  "createClient", "verifyWebhook", "signWebhook", "buildWebhookDelivery", "MessagesError", "AuthenticationError",
  "AuthorizationError", "InvalidRequestError", "NotFoundError", "RateLimitError", "SignatureVerificationError",
  "LineSchema", "ChatSchema", "MessageSchema", "ReactionSchema", "TypingIndicatorSchema", "ReadReceiptSchema",
  "WebhookSchema", "OutboxItemSchema", "AttachmentSchema", "FileSchema", "ListResponseSchema", "ErrorResponseSchema",
  "DeletedResponseSchema", "WebhookEventSchema", "MessageEventDataSchema", "ReactionEventDataSchema",
  "MessageReceivedEventSchema", "MessageSentEventSchema", "ReactionAddedEventSchema", "ReactionRemovedEventSchema",
  "WEBHOOK_EVENT_NAMES",
];

test("all that the hosted service's SDK exports is here", () => {
  assert.deepEqual(VALUES.filter((name) => !(name in sdk)), []);
});

test("the names of events are those that any webhook may ask for", () => {
  assert.deepEqual(sdk.WEBHOOK_EVENT_NAMES, ["message.received", "message.sent", "reaction.added", "reaction.removed"]);
});

/** Compiles, and is never called: each result has the type that it has there. */
export async function asThere(client: MessagesClient): Promise<void> {
  const config: ClientConfig = { apiKey: "", baseUrl: "", timeout: 1, maxRetries: 1 };
  const message: SendMessageParams = { from: "", to: "", text: "", attachments: [""], replyTo: "" };
  const sent: OutboxItem = await client.sendMessage(message);
  const status: "pending" | "claimed" | "sent" | "failed" = sent.status;
  const reaction: SendReactionParams = { from: "", to: "", messageId: "", type: "love" };
  const typing: TypingParams & SendReadReceiptParams = { from: "", to: "" };
  const items: OutboxItem[] = [
    await client.sendReaction(reaction), await client.startTyping(typing), await client.stopTyping(typing),
    await client.sendReadReceipt(typing), await client.getOutboxItem({ id: "" }),
    await client.sendAudioMessage({ from: "", to: "", audioMessage: "" } satisfies SendAudioMessageParams),
  ];
  const upload: UploadFileParams = { file: Buffer.from(""), filename: "", mimeType: "" };
  const file: File = await client.uploadFile(upload);
  const phone: ContactPhone = { value: "", type: "" };
  const email: ContactEmail = { value: "" };
  const address: ContactAddress = { postalCode: "" };
  const card: SendContactCardParams = { from: "", to: "", firstName: "", lastName: "", phones: [phone], emails: [email], address };
  await client.sendContactCard(card);
  const lines: PaginatedResponse<Line> = await client.listLines();
  for await (const line of lines) line.handle satisfies string;
  const chats: Chat[] = (await client.listChats({ from: "" } satisfies ListChatsParams)).data;
  const messages: Message[] = (await client.listMessages({ from: "", to: "" } satisfies ListMessagesParams)).data;
  const reactions: Reaction[] = (await client.listReactions({ messageId: "" } satisfies ListReactionsParams)).data;
  const where = { from: "", to: "" } satisfies ListTypingIndicatorsParams & ListReadReceiptsParams;
  const indicators: TypingIndicator[] = (await client.listTypingIndicators(where)).data;
  const receipts: ReadReceipt[] = (await client.listReadReceipts(where)).data;
  const webhooks: Webhook[] = (await client.listWebhooks({ from: "" } satisfies ListWebhooksParams)).data;
  const wanted: string[] = [...sdk.WEBHOOK_EVENT_NAMES];
  const webhook: Webhook = await client.createWebhook({ from: "", url: "", events: wanted } satisfies CreateWebhookParams);
  const deleted: DeletedResponse = await client.deleteWebhook({ id: "" });
  const { url }: { url: string } = await client.getFileUrl({ id: "" });
  void [config, status, items, file, chats, messages, reactions, indicators, receipts, webhooks, webhook, deleted, url];
}

/** Compiles: the name of an event decides of what type its data is, and there are no others. */
export function narrowed(event: WebhookEvent | Event): string | null | undefined {
  if (event.event === "message.received" || event.event === "message.sent") return event.data.text;
  switch (event.event) {
    case "reaction.added":
    case "reaction.removed":
      return event.data.messageId;
    case "message.edited":
      return event.data.previousText;
    case "message.failed":
      return event.data.error;
    case "receipt.read":
      return String(event.data.lastReadAt);
    case "typing.started":
    case "typing.stopped":
      return event.data.handle;
    case "message.delivered":
    case "message.read":
    case "message.unsent":
      return event.data.sender;
  }
}

/** Compiles: deliveries are built of what the hosted service's types have in them. */
export async function built(message: MessageEventData, reaction: ReactionEventData): Promise<void> {
  const name: WebhookEventName = "message.received";
  const data: WebhookEventDataFor<"message.received"> = {
    id: "", chatId: "", guid: "", sender: "", attachments: [], isFromMe: false, sentAt: 1, lineHandle: "",
  };
  await sdk.buildWebhookDelivery(name, data, "");
  await sdk.buildWebhookDelivery("message.sent", message, "", { timestamp: 1, deliveryId: "" });
  await sdk.buildWebhookDelivery("reaction.added", reaction, "");
  // @ts-expect-error: the data of another event
  await sdk.buildWebhookDelivery("reaction.removed", message, "");
  const events = {} as [MessageReceivedEvent, MessageSentEvent, ReactionAddedEvent, ReactionRemovedEvent];
  events satisfies WebhookEvent[];
  ({}) as CamelCaseKeys<{ line_id: string }> satisfies { lineId?: string };
}

/** Compiles: whatever fetches can be given. */
export const fetching: ClientConfig[] = [{ fetch }, { fetch: async () => new Response() }, { fetch: globalThis.fetch }];
