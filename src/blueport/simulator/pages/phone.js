// The page with the phones. What is on them comes from the server alone: the page asks for a screen once, then hears of
// each change, and asks again whenever the connection was lost in between. Text goes in as text, never as markup.

const MOMENT_APART_MS = 15 * 60_000;
const ARRIVAL_MS = 250;
const TYPING_AGAIN_MS = 20_000;
const LONG_PRESS_MS = 450;
const NEAR_THE_END_PX = 60;

// The name of each tapback, its sign, and how a badge says that somebody has put it there.
const TAPBACKS = {
  love: ["❤️", "Loved"],
  like: ["👍", "Liked"],
  dislike: ["👎", "Disliked"],
  laugh: ["😂", "Laughed at"],
  emphasize: ["‼️", "Emphasized"],
  question: ["❓", "Questioned"],
};
// The server hands out other types as files to keep only.
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const byId = (id) => document.getElementById(id);

const state = {
  lines: [],
  people: [],
  groups: [],
  person: null, // the handle of whose phone is shown
  chat: null, // the line or group that is open on it
  messages: [],
  typing: [], // the chats on it in which the line types
  picking: null, // "guid part" of what is being reacted to
  editing: null, // the guid of the message whose text is being changed
  told: null, // who was last told to type to whom, and when
  reading: "done", // "told" while the server is being told of it, "again" if there is more by then
  isAtEnd: true, // whether the newest bubble is in sight
  unread: new Set(), // of people, and of "person chat"
  arriving: { guid: null, until: 0 }, // the bubble that moves in, and till when
  heard: 0, // how many changes so far
};

// Asking the server

async function ask(path, options) {
  const answer = await fetch(path, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error.message);
  return content;
}

const tell = (path, content) => ask(path, { method: "POST", body: JSON.stringify(content) });

const pathOf = (handle, ...rest) => ["/people", encodeURIComponent(handle), ...rest].join("/");

async function refresh() {
  [state.lines, state.people, state.groups] = await Promise.all([ask("/lines"), ask("/people"), ask("/groups")]);
  if (!state.people.some((person) => person.handle === state.person)) state.person = state.people[0]?.handle ?? null;
  await openPhone(state.person, state.chat);
}

async function openPhone(handle, chat) {
  tellTyping(false);
  if (handle !== state.person) endEdit();
  const { messages, typing } = await phoneShown(handle);
  Object.assign(state, { person: handle, messages, typing, picking: null });
  state.chat = chatsOf(handle).includes(chat) ? chat : state.lines[0];
  markRead();
  location.hash = handle ?? "";
  drawPeople();
  drawPhone({ toTheEnd: true });
  tellReading();
}

async function phoneShown(handle) {
  if (handle === null) return { messages: [], typing: [] };
  const heardBefore = state.heard;
  const [messages, typing] = await Promise.all([ask(pathOf(handle, "messages")), ask(pathOf(handle, "typing"))]);
  // What was said while the answer was on its way may be missing in it.
  return state.heard === heardBefore ? { messages, typing } : phoneShown(handle);
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("ready", () => refresh());
  events.addEventListener("message", (event) => heard(JSON.parse(event.data)));
  events.addEventListener("typing", (event) => heardTyping(JSON.parse(event.data)));
}

function heard({ person: handle, message, is_new: isNew }) {
  state.heard += 1;
  if (isNew) {
    const isOpen = handle === state.person && message.chat === state.chat;
    if (!message.from_me && !isOpen) state.unread.add(handle).add(`${handle} ${message.chat}`);
    noteLast(handle, message);
    drawPeople();
  }
  if (handle !== state.person) return;
  const known = state.messages.findIndex((each) => each.guid === message.guid);
  if (known < 0) {
    state.messages.push(message);
    state.arriving = { guid: message.guid, until: performance.now() + ARRIVAL_MS };
  } else state.messages[known] = message;
  drawPhone({ toTheEnd: isNew });
  tellReading();
}

function heardTyping({ person, chat, is_typing: isTyping }) {
  state.heard += 1;
  if (person !== state.person) return;
  state.typing = [...state.typing.filter((each) => each !== chat), ...(isTyping ? [chat] : [])];
  drawPhone();
}

function noteLast(handle, message) {
  const known = state.people.find((person) => person.handle === handle);
  const last = { last_text: message.text ?? message.attachments.map((file) => file.filename).join(", "), at: message.at };
  state.people = [
    { handle, name: null, ...known, ...last },
    ...state.people.filter((person) => person !== known),
  ];
}

function markRead() {
  state.unread.delete(`${state.person} ${state.chat}`);
  if (![...state.unread].some((key) => key.startsWith(`${state.person} `))) state.unread.delete(state.person);
}

// What things are called

function chatsOf(handle) {
  const groups = state.groups.filter((group) => group.members.includes(handle)).map((group) => group.id);
  return [...state.lines, ...groups];
}

function nameOf(handle) {
  return state.people.find((person) => person.handle === handle)?.name ?? pretty(handle);
}

function chatName(chat) {
  const group = state.groups.find((each) => each.id === chat);
  return group ? group.name ?? group.members.map(nameOf).join(", ") : pretty(chat);
}

const pretty = (handle) => handle.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 ($1) $2-$3");

const initial = (name) => [...name.replace(/^[+\d() -]+/, "")][0]?.toUpperCase() ?? "#";

const hue = (handle) => [...handle].reduce((sum, letter) => (sum + letter.codePointAt(0) * 137) % 360, 220);

const timeOf = (at) => new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });

function dayOf(at) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return new Date(at).toLocaleDateString([], { weekday: "long" });
  return new Date(at).toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", year: "numeric" });
}

const sizeOf = (bytes) =>
  bytes < 1_000 ? `${bytes} bytes` : bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

// Drawing

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function drawPeople() {
  byId("people").replaceChildren(...state.people.map(personRow));
}

function personRow(person) {
  const name = person.name ?? pretty(person.handle);
  const avatar = element("span", "avatar", initial(name));
  avatar.style.setProperty("--hue", hue(person.handle));
  const last = element("span", "last", person.last_text ?? pretty(person.handle));
  const words = element("span", "words", element("span", "name", name), last);
  const when = person.at === null || person.at === undefined ? "" : dayOf(person.at) === "Today" ? timeOf(person.at) : dayOf(person.at);
  const row = element("button", "person", avatar, words, element("span", "when", when));
  row.classList.toggle("unread", state.unread.has(person.handle));
  row.setAttribute("aria-current", person.handle === state.person);
  row.addEventListener("click", () => openPhone(person.handle, null).then(() => byId("text").focus()));
  return element("li", "", row);
}

function drawPhone({ toTheEnd = false } = {}) {
  byId("owner").textContent = state.person === null ? "" : nameOf(state.person);
  byId("peer").textContent = chatName(state.chat);
  drawChats();
  const shown = state.messages.filter((message) => message.chat === state.chat);
  byId("empty").hidden = shown.length > 0;
  byId("empty").textContent = `No messages yet. Write the first one${state.person === null ? "" : ` as ${nameOf(state.person)}`}.`;
  state.isAtEnd ||= toTheEnd;
  const focused = document.activeElement?.dataset.key;
  place(byId("bubbles"), [...shown.flatMap((_, at) => bubbleRows(shown, at)), ...typingRows()]);
  if (focused && document.activeElement === document.body) byKey(focused)?.focus();
  follow();
}

function follow() {
  if (state.isAtEnd) byId("screen").scrollTop = byId("screen").scrollHeight;
}

const byKey = (key) => byId("bubbles").querySelector(`[data-key="${CSS.escape(key)}"]`);

// Rows that look as before stay the same elements, so that a voice memo plays on and the focus stays where it is.

const drawn = new Map();

function kept(key, facts, make) {
  const looks = JSON.stringify([state.person, facts]);
  if (drawn.get(key)?.looks !== looks) drawn.set(key, { looks, row: make() });
  return drawn.get(key).row;
}

function place(list, rows) {
  rows.forEach((row, at) => {
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
  for (const [key, { row }] of drawn) if (!row.isConnected) drawn.delete(key);
}

function drawChats() {
  const chats = chatsOf(state.person);
  byId("chats").hidden = chats.length < 2;
  byId("chats").replaceChildren(...chats.map(chatTab));
}

function chatTab(chat) {
  const tab = element("button", "", chatName(chat));
  tab.classList.toggle("unread", state.unread.has(`${state.person} ${chat}`));
  tab.setAttribute("aria-pressed", chat === state.chat);
  tab.addEventListener("click", () => openPhone(state.person, chat));
  return tab;
}

function bubbleRows(shown, at) {
  const [before, message, after] = [shown[at - 1], shown[at], shown[at + 1]];
  const apart = (one, other) => !one || !other || other.at - one.at > MOMENT_APART_MS;
  const isFirst = apart(before, message) || before.sender !== message.sender;
  const row = bubbleRow(message, isFirst);
  row.classList.toggle("new", message.guid === state.arriving.guid && performance.now() < state.arriving.until);
  row.classList.toggle("first", isFirst);
  row.classList.toggle("last", apart(message, after) || after.sender !== message.sender);
  return [
    ...(apart(before, message) ? [momentRow(message)] : []),
    row,
    ...(message === shown.findLast((each) => each.from_me) ? [receiptRow(message)] : []),
  ];
}

function bubbleRow(message, isFirst) {
  const facts = {
    message: { ...message, delivered: null, read_at: null },
    author: isGroup(message.chat) && !message.from_me && isFirst ? nameOf(message.sender) : null,
    quoted: quotedIn(message),
    names: message.reactions.map((reaction) => nameOf(reaction.sender)),
    picking: state.picking?.startsWith(`${message.guid} `) ? state.picking : null,
  };
  return kept(message.guid, facts, () =>
    element(
      "li",
      message.from_me ? "mine" : "",
      ...(facts.author === null ? [] : [element("span", "author", facts.author)]),
      ...(facts.quoted === null ? [] : [element("span", "quote", facts.quoted)]),
      ...parts(message),
    ),
  );
}

const isGroup = (chat) => !state.lines.includes(chat);

function receiptRow(message) {
  const arrived = message.delivered ? "Delivered" : "Sending …";
  const words = message.read_at === null ? arrived : `Read ${timeOf(message.read_at)}`;
  return kept("receipt", words, () => element("li", "mine", element("span", "receipt", words)));
}

function quotedIn(message) {
  const quoted = state.messages.find((each) => each.guid === message.reply_to_guid);
  return quoted ? quoted.text ?? quoted.attachments[0]?.filename ?? "" : null;
}

function momentRow({ guid, at }) {
  const make = () => element("li", "moment", element("span", "", element("b", "", dayOf(at)), ` ${timeOf(at)}`));
  return kept(`moment ${guid}`, dayOf(at), make);
}

function typingRows() {
  if (!state.typing.includes(state.chat)) return [];
  return [kept("typing", state.chat, () => {
    const dots = element("span", "dots", element("i"), element("i"), element("i"));
    dots.setAttribute("role", "img");
    dots.setAttribute("aria-label", `${chatName(state.chat)} is typing`);
    return element("li", "typing first", dots);
  })];
}

// A message and its parts: its files in order, then its text

function parts(message) {
  const files = message.attachments.map((file) => (message.is_audio ? memoBubble(file) : fileBubble(file)));
  const bubbles = message.text === null ? files : [...files, element("span", "bubble", message.text)];
  return [...bubbles.map((bubble, at) => partOf(message, at, bubble)), ...fates(message)];
}

function fates(message) {
  const author = message.from_me ? "You" : nameOf(message.sender);
  if (message.unsent_at !== null) return [element("span", "fate", `${author} unsent a message`)];
  return message.edited_at === null ? [] : [element("span", "fate", "Edited")];
}

function partOf(message, at, bubble) {
  const key = `${message.guid} ${at}`;
  const reactions = message.reactions.filter((reaction) => reaction.part === at);
  if (reactions.length) bubble.append(element("span", "badges", ...reactions.map(badge)));
  const opener = element("button", "react", "☺");
  opener.setAttribute("aria-label", "React");
  opener.setAttribute("aria-expanded", state.picking === key);
  opener.dataset.key = `react ${key}`;
  opener.addEventListener("click", () => pick(state.picking === key ? null : key));
  onLongPress(bubble, () => pick(key));
  const part = element("div", "part", bubble, opener);
  part.classList.toggle("marked", reactions.length > 0);
  if (state.picking === key) part.append(picker(message, at));
  return part;
}

function badge(reaction) {
  const [sign, did] = TAPBACKS[reaction.tapback] ?? [reaction.emoji, `Reacted ${reaction.emoji}`];
  const made = element("span", reaction.sender === state.person ? "own" : "", sign);
  made.title = `${did} by ${nameOf(reaction.sender)}`;
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", made.title);
  return made;
}

function picker(message, at) {
  const own = message.reactions.find((each) => each.sender === state.person && each.part === at)?.tapback;
  const choices = Object.entries(TAPBACKS).map(([tapback, [sign]]) => {
    const choice = element("button", "", sign);
    choice.setAttribute("aria-label", tapback);
    choice.setAttribute("aria-pressed", tapback === own);
    choice.addEventListener("click", () => react(message.guid, at, tapback, tapback === own));
    return choice;
  });
  const made = element("div", "picker", ...choices, ...changes(message, at));
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", "React with");
  return made;
}

function changes(message, at) {
  if (!message.from_me || !message.delivered) return [];
  const isText = message.text !== null && at === message.attachments.length;
  const unsend = () => change("unsends", { guid: message.guid }).then(() => pick(null));
  return [...(isText ? [worded("Edit", () => beginEdit(message))] : []), worded("Undo Send", unsend)];
}

function worded(word, then) {
  const made = element("button", "word", word);
  made.addEventListener("click", then);
  return made;
}

function onLongPress(target, then) {
  let pressing;
  target.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") pressing = setTimeout(then, LONG_PRESS_MS);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) target.addEventListener(end, () => clearTimeout(pressing));
}

const pathOfFile = (file) => pathOf(state.person, "files", encodeURIComponent(file.guid));

function fileLink(className, file, ...children) {
  const link = element("a", className, ...children);
  link.href = pathOfFile(file);
  link.download = file.filename;
  return link;
}

function fileBubble(file) {
  if (PICTURES.includes(file.mime_type)) return pictureBubble(file);
  const icon = document.createElementNS(document.querySelector("svg").namespaceURI, "svg");
  const path = document.createElementNS(icon.namespaceURI, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  path.setAttribute("d", "M6 2.5h8l5 5v14H6zM14 2.5v5h5");
  icon.append(path);
  return fileLink("bubble file", file, icon, element("span", "", file.filename, element("small", "", sizeOf(file.size))));
}

function pictureBubble(file) {
  const picture = element("img");
  Object.assign(picture, { src: pathOfFile(file), alt: file.filename });
  picture.addEventListener("load", follow);
  const link = element("a", "bubble picture", picture);
  Object.assign(link, { href: pathOfFile(file), target: "_blank" });
  return link;
}

function memoBubble(file) {
  const player = element("audio");
  const made = element("span", "bubble voice");
  if (file.mime_type && player.canPlayType(file.mime_type)) {
    Object.assign(player, { controls: true, preload: "none", src: pathOfFile(file) });
    made.append(player);
  }
  made.append(fileLink("", file, `Audio message, ${sizeOf(file.size)}`));
  if (file.transcription !== null) made.append(element("q", "", file.transcription));
  return made;
}

// Reacting, typing and reading

function pick(key) {
  const before = state.picking;
  state.picking = key;
  drawPhone();
  if (key === null) byKey(`react ${before}`)?.focus();
  else byKey(`react ${key}`)?.parentElement.querySelector(".picker button").focus();
}

async function react(guid, part, tapback, remove) {
  try {
    await tell(pathOf(state.person, "reactions"), { guid, part, tapback, remove });
    show(byId("composer"), null);
  } catch (error) {
    show(byId("composer"), `Not done. ${error.message}`);
  }
  pick(null);
}

async function change(what, content) {
  try {
    await tell(pathOf(state.person, what), content);
    show(byId("composer"), null);
    return true;
  } catch (error) {
    show(byId("composer"), `Not done. ${error.message}`);
    return false;
  }
}

// An edit is written where messages are.

function beginEdit({ guid, text }) {
  state.editing = guid;
  pick(null);
  fill(text, "Edit the message");
  byId("text").focus();
}

function endEdit() {
  if (state.editing === null) return;
  state.editing = null;
  fill("", "iMessage");
}

function fill(text, placeholder) {
  Object.assign(byId("text"), { value: text, placeholder });
  fit();
}

// Told in order, one after the other: a late word of typing must not come after the message that ends it.
let telling = Promise.resolve();

function tellTyping(isTyping) {
  const { person, chat, told } = state;
  const isFresh = told !== null && performance.now() - told.at < TYPING_AGAIN_MS;
  if (isTyping ? isFresh || person === null || isGroup(chat) : told === null) return;
  const [who, to] = isTyping ? [person, chat] : [told.person, told.chat];
  state.told = isTyping ? { person, chat, at: performance.now() } : null;
  telling = telling.then(() => tell(pathOf(who, "typing"), { to, is_typing: isTyping })).catch(() => {});
}

async function tellReading() {
  const isUnread = (message) => message.chat === state.chat && !message.from_me && message.read_at === null;
  if (document.hidden || !state.messages.some(isUnread)) return;
  if (state.reading !== "done") {
    state.reading = "again";
    return;
  }
  state.reading = "told";
  await tell(pathOf(state.person, "read"), { to: state.chat }).catch(() => {});
  const isMore = state.reading === "again";
  state.reading = "done";
  if (isMore) tellReading();
}

// Writing

async function send(content) {
  try {
    state.told = null; // a message ends the typing by itself
    await telling;
    await tell(pathOf(state.person, "messages"), { to: state.chat, ...content });
    show(byId("composer"), null);
    return true;
  } catch (error) {
    show(byId("composer"), `Not sent. ${error.message}`);
    return false;
  }
}

async function sendText() {
  const field = byId("text");
  const text = field.value;
  if (!text.trim() || state.person === null) return;
  if (state.editing !== null) {
    if (await change("edits", { guid: state.editing, text })) endEdit();
    return;
  }
  field.value = "";
  fit();
  if (!(await send({ text }))) field.value = text;
  fit();
}

async function sendFile(field, more) {
  const [file] = field.files;
  field.value = "";
  if (!file || state.person === null) return;
  await send({ attachment: { filename: file.name, mime_type: file.type || null, base64: await base64(file) }, ...more });
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

function fit() {
  const field = byId("text");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
  byId("composer").querySelector("button").disabled = !field.value.trim();
}

function show(form, problem) {
  const place = form.querySelector(".problem");
  place.hidden = problem === null;
  place.textContent = problem ?? "";
}

function submits(id, make) {
  const details = byId(id);
  const form = details.querySelector("form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await make(new FormData(form));
      form.reset();
      details.open = false;
      show(form, null);
      byId("text").focus();
    } catch (error) {
      show(form, error.message);
    }
  });
}

function drawMembers() {
  const choices = state.people.map((person) => {
    const box = element("input");
    Object.assign(box, { type: "checkbox", name: "members", value: person.handle, checked: person.handle === state.person });
    return element("label", "", box, person.name ?? pretty(person.handle));
  });
  const field = byId("new-group").querySelector("fieldset");
  field.replaceChildren(field.querySelector("legend"), ...choices);
}

async function addPerson(fields) {
  const { handle } = await tell("/people", { handle: fields.get("handle"), name: fields.get("name") });
  state.person = handle;
  state.chat = null;
  await refresh();
}

async function addGroup(fields) {
  const members = fields.getAll("members");
  const { id } = await tell("/groups", { name: fields.get("name"), members });
  if (!members.includes(state.person)) [state.person] = members;
  state.chat = id;
  await refresh();
}

function tick() {
  byId("clock").textContent = timeOf(Date.now());
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  sendText();
});
byId("text").addEventListener("input", () => {
  fit();
  tellTyping(state.editing === null && byId("text").value.trim() !== "");
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Escape") endEdit();
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendText();
});
byId("file").addEventListener("change", () => sendFile(byId("file"), {}));
byId("memo").addEventListener("change", () => sendFile(byId("memo"), { is_audio: true }));
byId("screen").addEventListener("scroll", ({ target }) => {
  state.isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_THE_END_PX;
});
byId("bubbles").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.picking !== null) pick(null);
});
document.addEventListener("visibilitychange", tellReading);
byId("new-group").addEventListener("toggle", drawMembers);
submits("new-person", addPerson);
submits("new-group", addGroup);

state.person = decodeURIComponent(location.hash.slice(1)) || null;
tick();
setInterval(tick, 10_000);
listen();
