/** The wire, in its own names: what answers and deliveries are held against. Fields that are not named here are dropped. */

import { z } from "zod";

export const LineSchema = z.object({
  id: z.string(),
  handle: z.string(),
  label: z.string().nullish(),
  service: z.enum(["imessage", "sms", "auto"]),
  is_active: z.boolean(),
  /** What it can do beyond texts; only if it was asked for. */
  capabilities: z.array(z.string()).optional(),
});

export const ChatSchema = z.object({
  id: z.string(),
  line_id: z.string(),
  identifier: z.string(),
  service: z.string(),
  name: z.string().nullish(),
  is_group: z.boolean().nullish(),
  participants: z.array(z.string()).nullish(),
  last_message_at: z.number().nullish(),
  /** Since when they have opted out by STOP. */
  opted_out_at: z.number().optional(),
  /** Until when nothing is sent, because two programs answered each other. */
  looping_until: z.number().optional(),
});

export const AttachmentSchema = z.object({
  filename: z.string().nullish(),
  mime_type: z.string().nullish(),
  /** In bytes. */
  size: z.number().nullish(),
  url: z.string().nullish(),
  /** What was said in a voice message, as Apple understood it. */
  transcription: z.string().nullish(),
});

export const FileSchema = z.object({
  id: z.string(),
  url: z.string().nullish(),
  filename: z.string().nullish(),
  mime_type: z.string(),
  /** In bytes. */
  size: z.number(),
  request_id: z.string(),
});

export const MessageSchema = z.object({
  id: z.string(),
  line_id: z.string(),
  chat_id: z.string(),
  guid: z.string(),
  sender: z.string(),
  text: z.string().nullish(),
  attachments: z.array(AttachmentSchema),
  service: z.string().nullish(),
  is_from_me: z.boolean(),
  /** Whether it is a voice message, and no file that is a sound. */
  is_audio_message: z.boolean().nullish(),
  sent_at: z.number(),
  synced_at: z.number(),
  outbox_id: z.string().nullish(),
  reply_to_guid: z.string().nullish(),
});

export const OutboxItemSchema = z.object({
  id: z.string(),
  line_id: z.string().optional(),
  status: z.enum(["pending", "claimed", "sent", "failed"]),
  payload: z.record(z.string(), z.unknown()).optional(),
  error: z.string().nullish(),
  attempts: z.number().optional(),
  max_attempts: z.number().optional(),
  created_at: z.number().optional(),
  completed_at: z.number().nullish(),
  /** When its turn comes at the earliest, if the line's pace holds it up. */
  held_until: z.number().optional(),
  warning: z.string().optional(),
  /** By which way it was handed to Messages. */
  sent_by: z.string().optional(),
  request_id: z.string(),
});

export const ReactionSchema = z.object({
  id: z.string(),
  message_id: z.string(),
  type: z.string(),
  sender: z.string(),
  is_from_me: z.boolean(),
  added: z.boolean(),
  sent_at: z.number(),
  synced_at: z.number(),
});

export const TypingIndicatorSchema = z.object({
  id: z.string(),
  chat_id: z.string(),
  handle: z.string(),
  is_typing: z.boolean(),
  updated_at: z.number(),
});

export const ReadReceiptSchema = z.object({
  id: z.string(),
  chat_id: z.string(),
  handle: z.string(),
  last_read_at: z.number(),
  synced_at: z.number(),
});

export const WebhookSchema = z.object({
  id: z.string(),
  line_ids: z.array(z.string()),
  url: z.string(),
  events: z.array(z.string()),
  is_active: z.boolean(),
  /** What signs its deliveries; told once, when it is made. */
  secret: z.string().optional(),
  retry_delays_s: z.array(z.number()).optional(),
  disabled_at: z.number().optional(),
  disabled_reason: z.string().optional(),
  request_id: z.string().optional(),
});

export const RotatedWebhookSchema = z.object({
  id: z.string(),
  secret: z.string(),
  /** Until when `webhook-signature` is made with the earlier secret as well. */
  earlier_secret_expires_at: z.number(),
  request_id: z.string(),
});

export const DeliverySchema = z.object({
  id: z.string(),
  webhook_id: z.string(),
  event_id: z.string(),
  event: z.string(),
  is_test: z.boolean(),
  status: z.enum(["pending", "delivered", "failed", "cancelled"]),
  attempts: z.number(),
  reason: z.string().nullish(),
  next_attempt_at: z.number().nullish(),
  created_at: z.number(),
  completed_at: z.number().nullish(),
});

export const DeliveryAttemptSchema = z.object({
  number: z.number(),
  started_at: z.number(),
  duration_ms: z.number().nullish(),
  status_code: z.number().nullish(),
  reason: z.string(),
  address: z.string().nullish(),
  /** How the receiver's answer began. */
  response: z.string().nullish(),
});

export const ReplayedSchema = z.object({
  /** How many deliveries are made again. */
  replayed: z.number(),
  has_more: z.boolean(),
  next_since: z.number().nullish(),
  request_id: z.string(),
});

export const TestDeliverySchema = z.object({
  id: z.string(),
  status: z.literal("pending"),
  request_id: z.string(),
});

export const SandboxSchema = z.object({
  status: z.enum(["missing", "pending", "active"]),
  activation_code: z.string().nullish(),
  sandbox_line_handle: z.string(),
  contact_identifier: z.string().nullish(),
  activated_at: z.number().nullish(),
  usage: z.object({
    used: z.number(),
    limit: z.number(),
    remaining: z.number(),
    resets_at: z.number(),
  }),
  request_id: z.string(),
});

export const SettingsSchema = z.object({
  extended_events: z.boolean(),
  stop_handling: z.boolean(),
  pacing: z.object({ interval_ms: z.number(), burst: z.number() }),
  loop_guard: z.object({ limit: z.number(), window_s: z.number(), pause_s: z.number() }),
  request_id: z.string(),
});

export const DeletedResponseSchema = z.object({
  id: z.string(),
  deleted: z.literal(true),
  request_id: z.string(),
});

/** Make the schema of a page of *itemSchema*. */
export const ListResponseSchema = <Item extends z.ZodType>(itemSchema: Item) =>
  z.object({
    data: z.array(itemSchema),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
    request_id: z.string(),
  });

export const ErrorResponseSchema = z.object({
  error: z.object({
    type: z.string(),
    code: z.string(),
    message: z.string(),
    param: z.string().optional(),
  }),
  request_id: z.string(),
});
