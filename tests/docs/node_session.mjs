// Does a page's blocks of TypeScript one by one: those of a module wait for their turn in `blockAt`.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let ids = {};
globalThis.real = (shown) => ids[shown] ?? shown;

const ended = (status) => process.stdout.write(`\x1e${status}\n`);

async function next() {
  const { value, done } = await lines.next();
  if (done) process.exit(0);
  const asked = JSON.parse(value);
  ids = asked.ids;
  return asked;
}

let asked = await next();
globalThis.blockAt = async (at) => {
  if (asked.at === at) return;
  ended(0);
  asked = await next();
};
for (;;) {
  const { module } = asked;
  try {
    await import(pathToFileURL(module).href);
  } catch (error) {
    process.stdout.write(`${error?.stack ?? error}\n`);
    process.exit(1);
  }
  ended(0);
  asked = await next();
  if (asked.module === module) throw new Error(`there is no block at ${asked.at}`);
}
