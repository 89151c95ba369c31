/** Webhooks and what was delivered to them, the sandbox, the account's settings. */

import type { Api } from "./api.js";
import { snakeKeys } from "./casing.js";
import type { MessagesClient } from "./methods.js";
import {
  DeletedResponseSchema,
  DeliveryAttemptSchema,
  DeliverySchema,
  ReplayedSchema,
  RotatedWebhookSchema,
  SandboxSchema,
  SettingsSchema,
  TestDeliverySchema,
  WebhookSchema,
} from "./schemas.js";

export const keepingWebhooks = (api: Api) =>
  ({
    createWebhook: async ({ from, url, events, retryDelaysS }, options) =>
      api.post("/v1/webhooks", { from, url, events, retry_delays_s: retryDelaysS }, WebhookSchema, options),
    listWebhooks: async ({ from, limit, cursor } = {}, options) =>
      api.page("/v1/webhooks", { from, limit, cursor }, WebhookSchema, options),
    deleteWebhook: async ({ id }, options) => api.delete("/v1/webhooks", { id }, DeletedResponseSchema, options),
    rotateWebhookSecret: async ({ id, overlapS }, options) =>
      api.post("/v1/webhooks/rotate", { id, overlap_s: overlapS }, RotatedWebhookSchema, options),
    enableWebhook: async ({ id }, options) => api.post("/v1/webhooks/enable", { id }, WebhookSchema, options),
    testWebhook: async ({ id, event }, options) =>
      api.post("/v1/webhooks/test", { id, event }, TestDeliverySchema, options),
    listWebhookDeliveries: async ({ webhookId, status, since, until, limit, cursor } = {}, options) => {
      const query = { webhook_id: webhookId, status, since, until, limit, cursor };
      return api.page("/v1/webhooks/deliveries", query, DeliverySchema, options);
    },
    listWebhookAttempts: async ({ deliveryId, limit, cursor }, options) =>
      api.page("/v1/webhooks/attempts", { delivery_id: deliveryId, limit, cursor }, DeliveryAttemptSchema, options),
    replayWebhookDeliveries: async ({ deliveryId, webhookId, status, since, until }, options) => {
      const body = { delivery_id: deliveryId, webhook_id: webhookId, status, since, until };
      return api.post("/v1/webhooks/replay", body, ReplayedSchema, options);
    },
  }) satisfies Partial<MessagesClient>;

export const settingUp = (api: Api) =>
  ({
    getSandbox: async (_params, options) => api.get("/v1/sandbox", {}, SandboxSchema, options),
    activateSandbox: async (_params, options) => api.post("/v1/sandbox", null, SandboxSchema, options),
    getSettings: async (_params, options) => api.get("/v1/settings", {}, SettingsSchema, options),
    updateSettings: async ({ extendedEvents, stopHandling, pacing, loopGuard }, options) => {
      const body = { extended_events: extendedEvents, stop_handling: stopHandling };
      const nested = { pacing: snakeKeys(pacing), loop_guard: snakeKeys(loopGuard) };
      return api.post("/v1/settings", { ...body, ...nested }, SettingsSchema, options);
    },
  }) satisfies Partial<MessagesClient>;
