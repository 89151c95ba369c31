/**
 * What can go wrong.
 *
 *     Error
 *     ├── MessagesError                 whatever became of a request
 *     │   ├── AuthenticationError       401
 *     │   ├── AuthorizationError        403
 *     │   ├── NotFoundError             404
 *     │   ├── RateLimitError            429
 *     │   ├── InvalidRequestError       every other 4xx
 *     │   ├── ServerError               5xx
 *     │   ├── UnexpectedResponseError   an answer that is none of the API's
 *     │   └── ConnectionFailedError     no answer
 *     └── SignatureVerificationError    a webhook's delivery that is not genuine
 */

/** What an error is made of; `status` is 0 and `requestId` empty where there was no answer. */
export interface MessagesErrorOptions {
  type: string;
  code: string;
  message: string;
  param?: string;
  status: number;
  requestId: string;
  /** How long the server asked to wait, in seconds. */
  retryAfter?: number;
  cause?: unknown;
}

type WithKnownStatus = Omit<MessagesErrorOptions, "status"> & { status?: number };

/** A request that was refused, failed or was not answered. */
export class MessagesError extends Error {
  override name = "MessagesError";
  readonly type: string;
  /** What exactly it was, for programs. */
  readonly code: string;
  /** The parameter that is wrong, where it is one. */
  readonly param?: string;
  readonly status: number;
  readonly requestId: string;
  /** How long the server asked to wait, in seconds. */
  readonly retryAfter?: number;

  constructor(options: MessagesErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.type = options.type;
    this.code = options.code;
    this.param = options.param;
    this.status = options.status;
    this.requestId = options.requestId;
    this.retryAfter = options.retryAfter;
  }
}

/** 401: there is no key, or it is not good. */
export class AuthenticationError extends MessagesError {
  override name = "AuthenticationError";
  constructor(options: WithKnownStatus) {
    super({ status: 401, ...options });
  }
}

/** 403: the key may not do that, or the other side has not written first. */
export class AuthorizationError extends MessagesError {
  override name = "AuthorizationError";
  constructor(options: WithKnownStatus) {
    super({ status: 403, ...options });
  }
}

/** 404: there is no such thing. */
export class NotFoundError extends MessagesError {
  override name = "NotFoundError";
  constructor(options: WithKnownStatus) {
    super({ status: 404, ...options });
  }
}

/** 429: too much; `retryAfter` says when to go on. */
export class RateLimitError extends MessagesError {
  override name = "RateLimitError";
  constructor(options: WithKnownStatus) {
    super({ status: 429, ...options });
  }
}

/** Any other 4xx: the request is wrong, and `param` may say where. */
export class InvalidRequestError extends MessagesError {
  override name = "InvalidRequestError";
  constructor(options: WithKnownStatus) {
    super({ status: 400, ...options });
  }
}

/** 5xx: the server failed. */
export class ServerError extends MessagesError {
  override name = "ServerError";
  constructor(options: WithKnownStatus) {
    super({ status: 500, ...options });
  }
}

/** The answer is none of this API's. If it followed a write its status says whether that was accepted: it is not repeated. */
export class UnexpectedResponseError extends MessagesError {
  override name = "UnexpectedResponseError";
}

/** There was no answer: `connection_failed`, or `timeout`. */
export class ConnectionFailedError extends MessagesError {
  override name = "ConnectionFailedError";
}

/** A delivery that was not signed with the webhook's secret, was changed on the way, or is too old. */
export class SignatureVerificationError extends Error {
  override name = "SignatureVerificationError";
  constructor(message = "The webhook's signature is not genuine.") {
    super(message);
  }
}

/**
 * Let `instanceof` know errors of another copy of this package by their *brand*: `import` and `require` load one each.
 *
 * Classes that are derived elsewhere have none, and are judged as ever.
 */
function brand(Kind: { prototype: Error }, name: string): void {
  const brand = Symbol.for(`@blueport/sdk ${name}`);
  Object.defineProperty(Kind.prototype, brand, { value: true });
  Object.defineProperty(Kind, Symbol.hasInstance, {
    value(this: unknown, error: unknown): boolean {
      if (this !== Kind) return Function.prototype[Symbol.hasInstance].call(this as Function, error);
      return typeof error === "object" && error !== null && brand in error;
    },
  });
}

const KINDS = {
  MessagesError,
  AuthenticationError,
  AuthorizationError,
  NotFoundError,
  RateLimitError,
  InvalidRequestError,
  ServerError,
  UnexpectedResponseError,
  ConnectionFailedError,
  SignatureVerificationError,
};
for (const [name, Kind] of Object.entries(KINDS)) brand(Kind, name);

/** Make the error of a request that had no answer, or not all of it. */
export function connectionFailed(code: "connection_failed" | "timeout", message: string, cause?: unknown): MessagesError {
  return new ConnectionFailedError({ type: "api_error", code, message, status: 0, requestId: "", cause });
}

/** Make the error of the class that *options*' status asks for. */
export function errorOfStatus(options: MessagesErrorOptions): MessagesError {
  if (options.status >= 500) return new ServerError(options);
  switch (options.status) {
    case 401:
      return new AuthenticationError(options);
    case 403:
      return new AuthorizationError(options);
    case 404:
      return new NotFoundError(options);
    case 429:
      return new RateLimitError(options);
    default:
      return new InvalidRequestError(options);
  }
}
