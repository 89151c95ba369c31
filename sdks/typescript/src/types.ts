/** What methods return and deliveries bring, in the names of this language. Moments are Unix milliseconds. */

import type { z } from "zod";

import type { CamelCaseKeys } from "./casing.js";
import type * as events from "./eventSchemas.js";
import type * as schemas from "./schemas.js";

type Told<Schema extends z.ZodType> = CamelCaseKeys<z.infer<Schema>>;

export type Line = Told<typeof schemas.LineSchema>;
export type Chat = Told<typeof schemas.ChatSchema>;
export type Attachment = Told<typeof schemas.AttachmentSchema>;
export type Message = Told<typeof schemas.MessageSchema>;
export type File = Told<typeof schemas.FileSchema>;
export type OutboxItem = Told<typeof schemas.OutboxItemSchema>;
export type Reaction = Told<typeof schemas.ReactionSchema>;
export type TypingIndicator = Told<typeof schemas.TypingIndicatorSchema>;
export type ReadReceipt = Told<typeof schemas.ReadReceiptSchema>;
export type Webhook = Told<typeof schemas.WebhookSchema>;
export type RotatedWebhook = Told<typeof schemas.RotatedWebhookSchema>;
export type Delivery = Told<typeof schemas.DeliverySchema>;
export type DeliveryAttempt = Told<typeof schemas.DeliveryAttemptSchema>;
export type Replayed = Told<typeof schemas.ReplayedSchema>;
export type TestDelivery = Told<typeof schemas.TestDeliverySchema>;
export type Sandbox = Told<typeof schemas.SandboxSchema>;
export type Settings = Told<typeof schemas.SettingsSchema>;
export type DeletedResponse = Told<typeof schemas.DeletedResponseSchema>;

/** The bytes of a file, and what is known of them. */
export interface DownloadedFile {
  data: Uint8Array;
  filename: string | null;
  mimeType: string;
}

/** One page of a list; iterating over it goes on through all that follow. */
export interface PaginatedResponse<T> extends AsyncIterable<T> {
  data: T[];
  hasMore: boolean;
  nextCursor: string | null;
  requestId: string;
}

export type MessageEventData = Told<typeof events.MessageEventDataSchema>;
export type ReactionEventData = Told<typeof events.ReactionEventDataSchema>;
export type FailedEventData = Told<typeof events.FailedEventDataSchema>;
export type DeliveredEventData = Told<typeof events.DeliveredEventDataSchema>;
export type ReadEventData = Told<typeof events.ReadEventDataSchema>;
export type EditedEventData = Told<typeof events.EditedEventDataSchema>;
export type UnsentEventData = Told<typeof events.UnsentEventDataSchema>;
export type TypingEventData = Told<typeof events.TypingEventDataSchema>;
export type ReceiptEventData = Told<typeof events.ReceiptEventDataSchema>;

export type MessageReceivedEvent = Told<typeof events.MessageReceivedEventSchema>;
export type MessageSentEvent = Told<typeof events.MessageSentEventSchema>;
export type ReactionAddedEvent = Told<typeof events.ReactionAddedEventSchema>;
export type ReactionRemovedEvent = Told<typeof events.ReactionRemovedEventSchema>;
export type MessageFailedEvent = Told<typeof events.MessageFailedEventSchema>;
export type MessageDeliveredEvent = Told<typeof events.MessageDeliveredEventSchema>;
export type MessageReadEvent = Told<typeof events.MessageReadEventSchema>;
export type MessageEditedEvent = Told<typeof events.MessageEditedEventSchema>;
export type MessageUnsentEvent = Told<typeof events.MessageUnsentEventSchema>;
export type TypingStartedEvent = Told<typeof events.TypingStartedEventSchema>;
export type TypingStoppedEvent = Told<typeof events.TypingStoppedEventSchema>;
export type ReceiptReadEvent = Told<typeof events.ReceiptReadEventSchema>;
export type UnknownWebhookEvent = Told<typeof events.UnknownWebhookEventSchema>;

/**
 * What a webhook is told; `event` says of what shape `data` is.
 *
 * A webhook is told what it asked for. If it asked for an event that came after this version, what arrives is an
 * `UnknownWebhookEvent`, which is not named here: beside any name, no name would tell what `data` is.
 */
export type WebhookEvent = Told<typeof events.WebhookEventSchema>;
export type WebhookEventName = WebhookEvent["event"];

/** The `data` of the event `Name`. */
export type WebhookEventDataFor<Name extends WebhookEventName> = Extract<WebhookEvent, { event: Name }>["data"];

/** Something that happened, as `events` and `listEvents` tell it; what came after this version is an `UnknownEvent`. */
export type Event = Told<typeof events.EventSchema>;
export type UnknownEvent = Told<typeof events.UnknownEventSchema>;
