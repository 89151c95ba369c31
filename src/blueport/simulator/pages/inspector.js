// What happens behind the phones: each request, outbox item, event and delivery of the conversation that is open, the
// newest last. A stream tells each when it is new and whenever it changes; here it is one row, redrawn in place.

import { element, replaced } from "./inspector-elements.js";
import { curlOf, kindOf, noteOf, stateOf, titleOf } from "./inspector-words.js";
import { jsonTree } from "./inspector-json.js";
import { mountFaults } from "./faults.js";

const AGAIN_MS = 1000;
const COPIED_MS = 1500;
const NEAR_THE_END_PX = 40;
const MOST_ROWS = 400;
const KINDS = [
  ["all", "All"],
  ["request", "Requests"],
  ["outbox", "Outbox"],
  ["event", "Events"],
  ["delivery", "Deliveries"],
];
// Of what happened in the same millisecond the cause comes first.
const ORDER = ["request", "outbox", "event", "delivery"];

const state = {
  isOn: false,
  apiUrl: "",
  place: null, // {person, chat, line}: the conversation that is open
  stream: null,
  again: null, // the timer of the next try
  rows: new Map(), // by id: {entry, item, isOpen}
  kind: "all",
  isAtEnd: true, // whether what is newest is in sight
};

const parts = {};

function mount() {
  const panel = document.getElementById("inspector");
  parts.status = element("span", { className: "inspector-status", role: "status" });
  parts.list = element("ol", { className: "entries", ariaLabel: "What happened, the newest last" });
  parts.empty = element("div", { className: "nothing" });
  parts.scroller = element("div", { className: "entries-scroller" }, parts.empty, parts.list);
  parts.chips = element("div", { className: "chips", role: "group", ariaLabel: "What to show" }, ...KINDS.map(chip));
  parts.faults = mountFaults(() => state.place);
  const title = element("h2", {}, "Inspector");
  const header = element("header", { className: "inspector-header" }, title, parts.status);
  panel.replaceChildren(header, parts.faults.root, parts.chips, parts.scroller);
  panel.hidden = false;
  parts.scroller.addEventListener("scroll", noteEnd);
  // The menu above takes room.
  new ResizeObserver(() => state.isAtEnd && toTheEnd()).observe(parts.scroller);
  parts.list.addEventListener("keydown", moved);
  parts.list.addEventListener("focusin", ({ target }) => rove(target.closest("button.entry")));
}

function chip([kind, name]) {
  const button = element("button", { type: "button" }, name);
  button.dataset.kind = kind;
  button.setAttribute("aria-pressed", kind === state.kind);
  button.addEventListener("click", () => choose(kind));
  return button;
}

function choose(kind) {
  state.kind = kind;
  for (const button of parts.chips.children) button.setAttribute("aria-pressed", button.dataset.kind === kind);
  for (const row of state.rows.values()) row.item.hidden = !isShown(row.entry);
  drawEmpty();
  toTheEnd();
}

const isShown = (entry) => state.kind === "all" || entry.kind === state.kind;

// The stream

function open(place) {
  if (place.person === state.place?.person && place.chat === state.place?.chat) return;
  state.place = place;
  state.rows.clear();
  parts.list.replaceChildren();
  drawEmpty();
  parts.faults.turnTo(place);
  listen();
}

function listen() {
  hangUp();
  if (!state.isOn || state.place === null || document.hidden) return;
  const { person, chat, line } = state.place;
  const names = new URLSearchParams({ line, with: chat === line ? person : chat });
  state.stream = new EventSource(`/inspector/changes?${names}`);
  state.stream.addEventListener("entries", ({ data }) => {
    say("Live", "live");
    heard(JSON.parse(data));
  });
  state.stream.addEventListener("away", tryAgain);
  state.stream.addEventListener("error", tryAgain);
}

function tryAgain() {
  say("The server is away. Trying again\u2026", "away");
  hangUp();
  state.again = setTimeout(listen, AGAIN_MS);
}

function hangUp() {
  clearTimeout(state.again);
  state.stream?.close();
  state.stream = null;
}

function say(words, look) {
  if (parts.status.textContent !== words) parts.status.textContent = words;
  parts.status.dataset.look = look;
}

function heard(entries) {
  const { isAtEnd } = state;
  for (const entry of entries) take(entry);
  while (state.rows.size > MOST_ROWS) forget(parts.list.firstElementChild);
  drawEmpty();
  if (isAtEnd) toTheEnd();
  if (entries.length > 0) parts.faults.refresh();
}

function noteEnd() {
  const { scrollHeight, scrollTop, clientHeight } = parts.scroller;
  state.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
}

function toTheEnd() {
  parts.scroller.scrollTop = parts.scroller.scrollHeight;
}

// Rows

function take(entry) {
  const known = state.rows.get(entry.id);
  if (known !== undefined) {
    known.entry = entry;
    draw(known);
    return;
  }
  const row = newRow(entry);
  state.rows.set(entry.id, row);
  draw(row);
  place(row);
}

function forget(item) {
  state.rows.delete(item.dataset.id);
  item.remove();
}

function newRow(entry) {
  const row = { entry, isOpen: false };
  const id = `entry-${entry.id}`;
  row.words = {};
  for (const part of ["time", "kind", "title", "state", "note"]) {
    row.words[part] = element(part === "time" ? "time" : "span", { className: part });
  }
  row.button = element("button", { type: "button", className: "entry", tabIndex: -1 }, ...Object.values(row.words));
  row.button.setAttribute("aria-expanded", "false");
  row.button.setAttribute("aria-controls", id);
  row.button.addEventListener("click", () => toggle(row));
  row.detail = element("div", { className: "detail", id, hidden: true });
  row.item = element("li", { hidden: !isShown(entry) }, row.button, row.detail);
  row.item.dataset.kind = entry.kind;
  row.item.dataset.id = entry.id;
  return row;
}

// From the end on, where what is new belongs.
function place(row) {
  let before = parts.list.lastElementChild;
  while (before !== null && isLater(state.rows.get(before.dataset.id).entry, row.entry)) {
    before = before.previousElementSibling;
  }
  if (before === null) parts.list.prepend(row.item);
  else before.after(row.item);
  if (parts.list.querySelector('button.entry[tabindex="0"]') === null) row.button.tabIndex = 0;
}

function isLater(one, other) {
  if (one.at !== other.at) return one.at > other.at;
  const by = ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind) || one.number - other.number;
  return by === 0 ? one.id > other.id : by > 0; // a signal and an item are counted apart
}

function draw(row) {
  const { entry, words } = row;
  const look = stateOf(entry);
  write(words.time, timeOf(entry.at));
  words.time.dateTime = entry.at;
  write(words.kind, kindOf(entry));
  write(words.title, titleOf(entry));
  write(words.state, look.word);
  write(words.note, noteOf(entry));
  words.note.hidden = words.note.textContent === "";
  row.item.dataset.look = look.look;
  if (row.isOpen) drawDetail(row);
}

function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function timeOf(at) {
  const moment = new Date(at);
  const clock = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return `${clock}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
}

function toggle(row) {
  row.isOpen = !row.isOpen;
  row.button.setAttribute("aria-expanded", row.isOpen);
  row.detail.hidden = !row.isOpen;
  if (row.isOpen) drawDetail(row);
  else row.detail.replaceChildren();
  noteEnd();
}

function drawDetail(row) {
  const told = JSON.stringify(row.entry.json, null, 2);
  if (row.told === told && row.detail.childElementCount > 0) return;
  row.told = told;
  if (row.detail.childElementCount === 0) row.detail.append(actions(row), element("pre"));
  row.pre = replaced(row.detail.lastElementChild, jsonTree(row.entry.json));
  row.pre.tabIndex = 0;
  row.pre.ariaLabel = "JSON";
}

function actions(row) {
  const words = element("span", { className: "copied", role: "status" });
  const buttons = [copying("Copy JSON", () => JSON.stringify(row.entry.json, null, 2), words)];
  if (row.entry.kind === "request") {
    buttons.push(copying("Copy as curl", () => curlOf(row.entry, state.apiUrl), words));
  }
  return element("div", { className: "actions" }, ...buttons, words);
}

function copying(name, textOf, words) {
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", async () => {
    words.textContent = await navigator.clipboard.writeText(textOf()).then(
      () => "Copied",
      () => "The browser does not let this page copy",
    );
    setTimeout(() => words.replaceChildren(), COPIED_MS);
  });
  return button;
}

// One row at a time is in the order of the Tab key; arrows go from row to row.

function moved(event) {
  const shown = [...parts.list.querySelectorAll("li:not([hidden]) > button.entry")];
  const at = shown.indexOf(event.target);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  shown[Math.min(Math.max(to, 0), shown.length - 1)].focus();
}

function rove(button) {
  if (button === null) return;
  for (const other of parts.list.querySelectorAll('button.entry[tabindex="0"]')) other.tabIndex = -1;
  button.tabIndex = 0;
}

// While there is nothing

function drawEmpty() {
  const isEmpty = ![...state.rows.values()].some(({ entry }) => isShown(entry));
  parts.empty.hidden = !isEmpty;
  parts.list.hidden = isEmpty;
  if (isEmpty) parts.empty.replaceChildren(...nothingYet());
}

function nothingYet() {
  if (!state.isOn) {
    const why = "These phones run by themselves: there is no server to look into. ";
    return [element("p", {}, why, element("code", {}, "blueport dev"), " brings one.")];
  }
  if (state.rows.size > 0) return [element("p", {}, "Nothing of this kind yet.")];
  const { line = "", person = "", chat } = state.place ?? {};
  const words = element("p", {}, "Nothing has happened in this conversation yet. Write to the line, then answer:");
  const to = chat === line ? person : "cht_\u2026";
  const body = { from: line, to, text: "Hello from my agent" };
  const example = { json: { request: { method: "POST", path: "/v1/messages", query: "", body } } };
  return [words, element("pre", {}, curlOf(example, state.apiUrl))];
}

async function begin() {
  mount();
  document.addEventListener("conversation", ({ detail }) => open(detail));
  document.addEventListener("visibilitychange", listen);
  const told = await fetch("/inspector").then((answer) => answer.json());
  state.isOn = told.is_on;
  state.apiUrl = told.url ?? "";
  if (!state.isOn) say("", "off");
  drawEmpty();
  listen();
}

begin();
