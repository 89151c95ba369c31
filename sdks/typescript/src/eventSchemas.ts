/** What happens, as webhooks and streams tell it. */

import { z } from "zod";

import {
  MessageSchema,
  OutboxItemSchema,
  ReactionSchema,
  ReadReceiptSchema,
  TypingIndicatorSchema,
} from "./schemas.js";

/** What any webhook may ask for. */
export const WEBHOOK_EVENT_NAMES = ["message.received", "message.sent", "reaction.added", "reaction.removed"] as const;

/** What may be asked for as well once the account has switched `extendedEvents` on. */
export const EXTENDED_WEBHOOK_EVENT_NAMES = [
  "message.failed",
  "message.delivered",
  "message.read",
  "message.edited",
  "message.unsent",
  "typing.started",
  "typing.stopped",
  "receipt.read",
] as const;

/** A message as events tell of it; only what the hosted API promises is required. */
export const MessageEventDataSchema = MessageSchema.extend({
  line_id: z.string().optional(),
  synced_at: z.number().optional(),
  line_handle: z.string(),
});

export const ReactionEventDataSchema = ReactionSchema.extend({
  synced_at: z.number().optional(),
  chat_id: z.string(),
  line_handle: z.string(),
});

export const FailedEventDataSchema = OutboxItemSchema.omit({ request_id: true }).extend({
  chat_id: z.string(),
  line_handle: z.string(),
});

export const DeliveredEventDataSchema = MessageEventDataSchema.extend({ delivered_at: z.number() });
export const ReadEventDataSchema = MessageEventDataSchema.extend({ read_at: z.number() });
export const EditedEventDataSchema = MessageEventDataSchema.extend({
  edited_at: z.number(),
  previous_text: z.string().nullish(),
});
export const UnsentEventDataSchema = MessageEventDataSchema.extend({ unsent_at: z.number() });
export const TypingEventDataSchema = TypingIndicatorSchema.extend({ line_id: z.string(), line_handle: z.string() });
export const ReceiptEventDataSchema = ReadReceiptSchema.extend({ line_id: z.string(), line_handle: z.string() });

const delivered = <Name extends string, Data extends z.ZodType>(name: Name, data: Data) =>
  z.object({ event: z.literal(name), data, timestamp: z.number(), delivery_id: z.string().optional() });

export const MessageReceivedEventSchema = delivered("message.received", MessageEventDataSchema);
export const MessageSentEventSchema = delivered("message.sent", MessageEventDataSchema);
export const ReactionAddedEventSchema = delivered("reaction.added", ReactionEventDataSchema);
export const ReactionRemovedEventSchema = delivered("reaction.removed", ReactionEventDataSchema);
export const MessageFailedEventSchema = delivered("message.failed", FailedEventDataSchema);
export const MessageDeliveredEventSchema = delivered("message.delivered", DeliveredEventDataSchema);
export const MessageReadEventSchema = delivered("message.read", ReadEventDataSchema);
export const MessageEditedEventSchema = delivered("message.edited", EditedEventDataSchema);
export const MessageUnsentEventSchema = delivered("message.unsent", UnsentEventDataSchema);
export const TypingStartedEventSchema = delivered("typing.started", TypingEventDataSchema);
export const TypingStoppedEventSchema = delivered("typing.stopped", TypingEventDataSchema);
export const ReceiptReadEventSchema = delivered("receipt.read", ReceiptEventDataSchema);

/** A delivery of any event that is known here. */
export const WebhookEventSchema = z.discriminatedUnion("event", [
  MessageReceivedEventSchema,
  MessageSentEventSchema,
  ReactionAddedEventSchema,
  ReactionRemovedEventSchema,
  MessageFailedEventSchema,
  MessageDeliveredEventSchema,
  MessageReadEventSchema,
  MessageEditedEventSchema,
  MessageUnsentEventSchema,
  TypingStartedEventSchema,
  TypingStoppedEventSchema,
  ReceiptReadEventSchema,
]);

const KNOWN: readonly string[] = [...WEBHOOK_EVENT_NAMES, ...EXTENDED_WEBHOOK_EVENT_NAMES];
const UnknownNameSchema = z.string().refine((name) => !KNOWN.includes(name));

/** A delivery of an event that came after this version. */
export const UnknownWebhookEventSchema = z.object({
  event: UnknownNameSchema,
  data: z.unknown(),
  timestamp: z.number(),
  delivery_id: z.string().optional(),
});

const PLACE = { id: z.string(), created_at: z.number(), line_id: z.string(), chat_id: z.string() };

const logged = <Name extends string, Data extends z.ZodType>(name: Name, data: Data) =>
  z.object({ event: z.literal(name), data, ...PLACE });

/** Any event that is known here, as lists and streams bring it. */
export const EventSchema = z.discriminatedUnion("event", [
  logged("message.received", MessageEventDataSchema),
  logged("message.sent", MessageEventDataSchema),
  logged("reaction.added", ReactionEventDataSchema),
  logged("reaction.removed", ReactionEventDataSchema),
  logged("message.failed", FailedEventDataSchema),
  logged("message.delivered", DeliveredEventDataSchema),
  logged("message.read", ReadEventDataSchema),
  logged("message.edited", EditedEventDataSchema),
  logged("message.unsent", UnsentEventDataSchema),
  logged("typing.started", TypingEventDataSchema),
  logged("typing.stopped", TypingEventDataSchema),
  logged("receipt.read", ReceiptEventDataSchema),
]);

/** One that came after this version. */
export const UnknownEventSchema = z.object({ event: UnknownNameSchema, data: z.unknown(), ...PLACE });

/** Either; its type tells of those that are known, or their names would not tell what is in them. */
export const AnyEventSchema: z.ZodType<z.infer<typeof EventSchema>> = z.union([
  EventSchema,
  UnknownEventSchema as unknown as typeof EventSchema,
]);
