/** The client of Blueport's API. */

export { createClient } from "./client.js";
export { buildWebhookDelivery, signWebhook, verifyWebhook } from "./webhooks.js";

export {
  AuthenticationError,
  AuthorizationError,
  ConnectionFailedError,
  InvalidRequestError,
  MessagesError,
  NotFoundError,
  RateLimitError,
  ServerError,
  SignatureVerificationError,
  UnexpectedResponseError,
} from "./errors.js";

export * from "./schemas.js";
export * from "./eventSchemas.js";

export type { CamelCaseKeys } from "./casing.js";
export type { MessagesErrorOptions } from "./errors.js";
export type { MessagesClient } from "./methods.js";
export type * from "./parameters.js";
export type * from "./types.js";
export type { VerifyWebhookOptions, WebhookBody, WebhookSecrets } from "./webhooks.js";
