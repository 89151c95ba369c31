/** Time: how long to wait, and when something has taken too long. */

/** Timers take no more: what is longer would be over at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Wait *ms* milliseconds, or 24 days if that is shorter; throws the signal's reason once that is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, Math.min(ms, LONGEST_MS));
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A signal that is aborted after some time, which can be put off, or with the caller's. */
export class Deadline {
  /** Whether the time was over. */
  isOver = false;
  readonly #controller = new AbortController();
  readonly #ms: number;
  readonly #callers: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, callers?: AbortSignal) {
    this.#ms = Math.min(ms, LONGEST_MS);
    this.#callers = callers;
    if (callers?.aborted) this.#abort();
    callers?.addEventListener("abort", this.#abort, { once: true });
    this.putOff();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begin anew to count. */
  putOff(): void {
    this.pause();
    this.#timer = setTimeout(this.#expire, this.#ms);
  }

  /** Count no longer, until it is put off. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Count no longer, whoever is aborted. */
  end(): void {
    this.pause();
    this.#callers?.removeEventListener("abort", this.#abort);
  }

  /** End whatever is still under way. */
  abort(): void {
    this.end();
    this.#abort();
  }

  readonly #abort = (): void => this.#controller.abort(this.#callers?.reason);

  readonly #expire = (): void => {
    this.isOver = true;
    this.#controller.abort();
  };
}
