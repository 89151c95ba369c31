/**
 * A bot behind a webhook, with no server but Node's own: node examples/node_bot.mjs
 *
 * It registers its webhook by itself. PORT is 8001 unless you say otherwise; where the server is not on this machine,
 * PUBLIC_URL says how it reaches the bot (https://...).
 */

import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import {
  AuthorizationError,
  InvalidRequestError,
  NotFoundError,
  SignatureVerificationError,
  createClient,
  verifyWebhook,
} from "@blueport/sdk";

const { PORT = "8001", PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env;
const url = `${PUBLIC_URL}/webhook`;
const client = createClient(); // MESSAGES_API_KEY, MESSAGES_API_URL
const secret = await secretOfWebhook();

createServer(async (request, response) => {
  response.statusCode = await statusFor(request);
  response.end();
}).listen(Number(PORT), "127.0.0.1", () => console.log(`listening at ${url}`));

/** Register the webhook, or take the one that is there; its secret is told only once, so that gets a new one. */
async function secretOfWebhook() {
  for await (const { id, url: itsUrl, isActive } of await client.listWebhooks()) {
    if (itsUrl !== url) continue;
    if (!isActive) await client.enableWebhook({ id });
    return (await client.rotateWebhookSecret({ id })).secret;
  }
  return (await client.createWebhook({ from: "", url, events: ["message.received"] })).secret;
}

/** Answer what is genuine; whoever gets no 2xx tells it again later. */
async function statusFor(request) {
  try {
    const event = await verifyWebhook(await buffer(request), request.headers["x-webhook-signature"], secret);
    if (event.event === "message.received") await answer(event.data);
    return 200;
  } catch (error) {
    console.error(`${error}`);
    return error instanceof SignatureVerificationError ? 401 : 500;
  }
}

/** Answer a message once: what comes under its id a second time, after a crash or a replay, has no effect. */
async function answer(heard) {
  const message = { from: heard.lineHandle, to: heard.chatId, text: reply(heard) };
  try {
    await client.sendMessage(message, { idempotencyKey: `answer-to-${heard.id}` });
  } catch (error) {
    // These would be refused again. All else is a 500, and the server tells us once more.
    if (![AuthorizationError, InvalidRequestError, NotFoundError].some((kind) => error instanceof kind)) throw error;
    console.error(`${heard.id} is left without an answer: ${error}`);
  }
}

/** Return what the bot says: begin here with your own. */
function reply({ text, attachments }) {
  const files = attachments.length ? ` and sent ${attachments.length} file(s)` : "";
  return `You said: ${text ?? "nothing"}${files}`;
}
