/** A real HTTP server that plays a script: request by request, what it is to answer, and what it heard. */

import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";

import { type Json, examples } from "./contract.js";

export interface Heard {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string | undefined>;
  rawBody: string;
}

/** One answer, as contract/clients/README.md says. */
export type Step = Record<string, Json>;

export class Player {
  readonly heard: Heard[] = [];
  readonly #script: Step[];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(script: Step[]) {
    this.#script = [...script];
  }

  /** Play *script* while *meanwhile* runs. */
  static async playing<T>(script: Step[], meanwhile: (player: Player) => Promise<T>): Promise<T> {
    const player = new Player(script);
    await new Promise<void>((resolve) => player.#server.listen(0, "127.0.0.1", resolve));
    try {
      return await meanwhile(player);
    } finally {
      player.#server.closeAllConnections();
      player.#server.close();
    }
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Count the connections that are open. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count)));
  }

  /** Put this server in the place of the one that the contract speaks of. */
  here<T>(value: T): T {
    return JSON.parse(JSON.stringify(value ?? null).replaceAll("http://testserver", this.url));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.heard.push(await heardIn(request));
    const step = this.#script.shift() ?? { status: 599, text: "The script has ended." };
    if (step.fault === "close") return void request.socket.destroy();
    if (step.fault === "silence") return;
    await said(this.here(step.example ? fromExample(step.example) : step), response);
  }
}

async function heardIn(request: IncomingMessage): Promise<Heard> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const { pathname, searchParams } = new URL(request.url ?? "", "http://testserver");
  return {
    method: request.method ?? "",
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: request.headers as Record<string, string | undefined>,
    rawBody: Buffer.concat(parts).toString("utf8"),
  };
}

function fromExample(title: string): Step {
  const { status, answer, location } = examples[title] ?? unknownExample(title);
  return { status, body: answer, headers: location ? { Location: location } : {} };
}

function unknownExample(title: string): never {
  throw new Error(`examples.json has no ${title}`);
}

async function said(step: Step, response: ServerResponse): Promise<void> {
  const text: string = step.text ?? (step.body === undefined ? "" : JSON.stringify(step.body));
  const bytes = step.hex === undefined ? Buffer.from(text) : Buffer.from(step.hex, "hex");
  if (step.body !== undefined) response.setHeader("Content-Type", "application/json");
  if (step.retry_at_in_s) response.setHeader("Retry-After", new Date(Date.now() + step.retry_at_in_s * 1000).toUTCString());
  for (const [name, value] of Object.entries(step.headers ?? {})) response.setHeader(name, value as string);
  response.statusCode = step.status;
  if (step.cut) return cut(bytes, response);
  for (const part of partsOf(step, bytes)) {
    response.write(part);
    await setImmediate();
  }
  if (!step.held_open) response.end();
}

function cut(bytes: Buffer, response: ServerResponse): void {
  response.setHeader("Content-Length", bytes.length + 100);
  response.write(bytes, () => response.socket?.destroy());
}

function partsOf(step: Step, bytes: Buffer): (string | Buffer)[] {
  if (step.chunks) return step.chunks;
  const size = step.bytes_at_a_time ?? bytes.length;
  return Array.from({ length: size ? Math.ceil(bytes.length / size) : 0 }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}
