/** The client as its users see it. */

import type * as params from "./parameters.js";
import type * as told from "./types.js";

type Options = params.RequestOptions;
type Page<Item> = Promise<told.PaginatedResponse<Item>>;

/** All methods; what sends something answers as soon as that is accepted. */
export interface MessagesClient {
  /** Send a text, a file or both. */
  sendMessage(params: params.SendMessageParams, options?: Options): Promise<told.OutboxItem>;
  /** React to a message, or take a reaction off. */
  sendReaction(params: params.SendReactionParams, options?: Options): Promise<told.OutboxItem>;
  /** Show that something is being typed. */
  startTyping(params: params.TypingParams, options?: Options): Promise<told.OutboxItem>;
  /** Show it no longer. */
  stopTyping(params: params.TypingParams, options?: Options): Promise<told.OutboxItem>;
  /** Mark a chat as read. */
  sendReadReceipt(params: params.SendReadReceiptParams, options?: Options): Promise<told.OutboxItem>;
  /** Upload a file, to be sent or to be spoken. */
  uploadFile(params: params.UploadFileParams, options?: Options): Promise<told.File>;
  /** Send an uploaded sound as a voice message. */
  sendAudioMessage(params: params.SendAudioMessageParams, options?: Options): Promise<told.OutboxItem>;
  /** Send a person's contact card. */
  sendContactCard(params: params.SendContactCardParams, options?: Options): Promise<told.OutboxItem>;
  /** Change the text of a message that was sent. */
  editMessage(params: params.EditMessageParams, options?: Options): Promise<told.OutboxItem>;
  /** Take a message back. */
  unsendMessage(params: params.UnsendMessageParams, options?: Options): Promise<told.OutboxItem>;

  /** Begin a group. */
  createChat(params: params.CreateChatParams, options?: Options): Promise<told.OutboxItem>;
  /** Give a group another name. */
  renameChat(params: params.RenameChatParams, options?: Options): Promise<told.OutboxItem>;
  /** Add somebody to a group. */
  addParticipant(params: params.ParticipantParams, options?: Options): Promise<told.OutboxItem>;
  /** Remove somebody from a group. */
  removeParticipant(params: params.ParticipantParams, options?: Options): Promise<told.OutboxItem>;
  /** Leave a group. */
  leaveChat(params: params.ChatParams, options?: Options): Promise<told.OutboxItem>;

  /** List the lines that the key may use. */
  listLines(params?: params.ListLinesParams, options?: Options): Page<told.Line>;
  /** List a line's chats, the most recently active first. */
  listChats(params: params.ListChatsParams, options?: Options): Page<told.Chat>;
  /** List a chat's messages, the newest first. */
  listMessages(params: params.ListMessagesParams, options?: Options): Page<told.Message>;
  /** List the reactions to a message. */
  listReactions(params: params.ListReactionsParams, options?: Options): Page<told.Reaction>;
  /** List who is typing in a chat, or was. */
  listTypingIndicators(params: params.ListTypingIndicatorsParams, options?: Options): Page<told.TypingIndicator>;
  /** List up to when the others have read a chat. */
  listReadReceipts(params: params.ListReadReceiptsParams, options?: Options): Page<told.ReadReceipt>;
  /** Tell what became of something that was sent. */
  getOutboxItem(params: { id: string }, options?: Options): Promise<told.OutboxItem>;
  /** Wait until it was sent or has failed; the last is no error. Throws a ConnectionFailedError `timeout` after `timeout`. */
  waitForOutboxItem(params: params.WaitForOutboxItemParams, options?: Options): Promise<told.OutboxItem>;
  /** Tell where a file can be fetched without a key, for a while. */
  getFileUrl(params: { id: string }, options?: Options): Promise<{ url: string }>;
  /** Fetch a file. */
  downloadFile(params: { id: string }, options?: Options): Promise<told.DownloadedFile>;

  /** Follow what happens, from now on or behind an event, whatever is cut off meanwhile; it ends by `break` or `signal`. */
  events(params?: params.FollowEventsParams): AsyncIterableIterator<told.Event>;
  /** List what happened in the last 30 days, the oldest first. */
  listEvents(params?: params.ListEventsParams, options?: Options): Page<told.Event>;

  /** Have events posted to a URL; the answer alone has the `secret`. */
  createWebhook(params: params.CreateWebhookParams, options?: Options): Promise<told.Webhook>;
  /** List the webhooks. */
  listWebhooks(params?: params.ListWebhooksParams, options?: Options): Page<told.Webhook>;
  /** Delete a webhook. */
  deleteWebhook(params: { id: string }, options?: Options): Promise<told.DeletedResponse>;
  /** Give a webhook another secret. */
  rotateWebhookSecret(params: params.RotateWebhookSecretParams, options?: Options): Promise<told.RotatedWebhook>;
  /** Switch a webhook on again that was switched off for failing. */
  enableWebhook(params: { id: string }, options?: Options): Promise<told.Webhook>;
  /** Have an example delivered. */
  testWebhook(params: params.TestWebhookParams, options?: Options): Promise<told.TestDelivery>;
  /** List what was delivered, or was to be, the newest first. */
  listWebhookDeliveries(params?: params.ListWebhookDeliveriesParams, options?: Options): Page<told.Delivery>;
  /** List the tries of one delivery. */
  listWebhookAttempts(params: params.ListWebhookAttemptsParams, options?: Options): Page<told.DeliveryAttempt>;
  /** Have something delivered again. */
  replayWebhookDeliveries(params: params.ReplayWebhookDeliveriesParams, options?: Options): Promise<told.Replayed>;

  /** Tell how this account stands with the shared line. */
  getSandbox(params?: Record<string, never>, options?: Options): Promise<told.Sandbox>;
  /** Get the code by which a phone is paired with the shared line. */
  activateSandbox(params?: Record<string, never>, options?: Options): Promise<told.Sandbox>;
  /** Tell how this account is set. */
  getSettings(params?: Record<string, never>, options?: Options): Promise<told.Settings>;
  /** Set this account otherwise. */
  updateSettings(params: params.UpdateSettingsParams, options?: Options): Promise<told.Settings>;
}
