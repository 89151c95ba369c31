// What happened, in words.

const KINDS = { request: "Request", outbox: "Outbox", event: "Event", delivery: "Delivery" };

const ITEMS = {
  text: "Text",
  file: "File",
  audio: "Voice message",
  react: "Tapback",
  edit: "Edit",
  unsend: "Unsend",
  group: "New group",
  rename: "New name of the group",
  add: "New member",
  remove: "Member put out",
  leave: "Leaving the group",
  typing: "Typing",
  read: "Read mark",
};

// How far a state has come, for its colour.
const LOOKS = {
  pending: "waits",
  waiting: "waits",
  claimed: "runs",
  running: "runs",
  sent: "done",
  delivered: "done",
  failed: "failed",
  cancelled: "failed",
};

const REFUSED = 400;

export const kindOf = (entry) => KINDS[entry.kind];

export function titleOf(entry) {
  switch (entry.kind) {
    case "request":
      return `${entry.method} ${entry.path}`;
    case "outbox":
      return ITEMS[entry.type] ?? entry.type;
    default:
      return entry.type;
  }
}

export function stateOf(entry) {
  switch (entry.kind) {
    case "request":
      return { word: String(entry.status), look: entry.status < REFUSED ? "done" : "failed" };
    case "event":
      return { word: "", look: "done" };
    default:
      return { word: entry.status, look: LOOKS[entry.status] ?? "waits" };
  }
}

export function noteOf(entry) {
  switch (entry.kind) {
    case "request":
      if (entry.code === "") return textIn(entry.json.request.body);
      return entry.json.answer.body?.error?.message ?? entry.code;
    case "outbox":
      return itemNote(entry);
    case "event":
      return textIn(entry.json.data);
    default:
      return deliveryNote(entry);
  }
}

function itemNote({ status, why, attempts, type, json }) {
  const text = type === "typing" ? "" : textIn(json.payload);
  if (status === "sent") return text;
  const again = why !== null && status !== "failed" ? `${ordinal(attempts)} try: ${why}` : (why ?? "");
  const held = json.held_until === undefined ? "" : `Held back until ${clock(json.held_until)}, for the line's pace.`;
  return [text, again, held].filter(Boolean).join(" ");
}

function deliveryNote({ url, status, attempts, why, json }) {
  const where = url === null ? "to a webhook that is gone" : `to ${url}`;
  if (why === null || status === "delivered") return where;
  const next = json.delivery.next_attempt_at;
  const again = next === null ? "" : ` Again at ${clock(next)}.`;
  return `${where}. ${ordinal(attempts)} try: ${why}${again}`;
}

function textIn(said) {
  const text = said?.text ?? said?.emoji ?? said?.type;
  return typeof text === "string" ? `\u201c${text}\u201d` : "";
}

function ordinal(number) {
  const ending = { 1: "st", 2: "nd", 3: "rd" }[number % 100 > 10 && number % 100 < 14 ? 0 : number % 10] ?? "th";
  return `${number}${ending}`;
}

const clock = (at) => new Date(at).toLocaleTimeString();

// A request as a line for a shell; its key is that of whoever runs it.
export function curlOf({ json: { request } }, apiUrl) {
  const query = request.query === "" ? "" : `?${request.query}`;
  const words = [`curl ${request.method === "GET" ? "" : `-X ${request.method} `}${quoted(apiUrl + request.path + query)}`];
  words.push(`-H "Authorization: Bearer $MESSAGES_API_KEY"`);
  if (request.method === "POST" && request.path === "/v1/files") {
    const { filename, mime_type: type } = request.body ?? {};
    words.push(`-H ${quoted(`Content-Type: ${type}`)}`, `-H ${quoted(`X-Filename: ${encodeURIComponent(filename ?? "file")}`)}`);
    words.push("--data-binary @FILE");
  } else if (request.body !== null && request.body !== undefined) {
    const body = typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    words.push(`-H 'Content-Type: application/json'`, `--data-raw ${quoted(body)}`);
  }
  return words.join(" \\\n  ");
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
