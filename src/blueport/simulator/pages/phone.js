// The page with the phones. What is on them comes from the server alone: the page asks for a screen once, then hears of
// each change, and asks again whenever the connection was lost in between. Text goes in as text, never as markup.

const MOMENT_APART_MS = 15 * 60_000;
const ARRIVAL_MS = 250;

const byId = (id) => document.getElementById(id);

const state = {
  lines: [],
  people: [],
  groups: [],
  person: null, // the handle of whose phone is shown
  chat: null, // the line or group that is open on it
  messages: [],
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

const phoneOf = (handle) => `/people/${encodeURIComponent(handle)}/messages`;

async function refresh() {
  [state.lines, state.people, state.groups] = await Promise.all([ask("/lines"), ask("/people"), ask("/groups")]);
  if (!state.people.some((person) => person.handle === state.person)) state.person = state.people[0]?.handle ?? null;
  await openPhone(state.person, state.chat);
}

async function openPhone(handle, chat) {
  const messages = await screenOf(handle);
  state.person = handle;
  state.messages = messages;
  state.chat = chatsOf(handle).includes(chat) ? chat : state.lines[0];
  markRead();
  location.hash = handle ?? "";
  drawPeople();
  drawPhone();
}

async function screenOf(handle) {
  if (handle === null) return [];
  const heardBefore = state.heard;
  const messages = await ask(phoneOf(handle));
  // What was said while the answer was on its way may be missing in it.
  return state.heard === heardBefore ? messages : screenOf(handle);
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("ready", () => refresh());
  events.addEventListener("message", (event) => {
    const { person, message } = JSON.parse(event.data);
    heard(person, message);
  });
}

function heard(handle, message) {
  state.heard += 1;
  if (handle === state.person) {
    const known = state.messages.findIndex((each) => each.guid === message.guid);
    if (known < 0) {
      state.messages.push(message);
      state.arriving = { guid: message.guid, until: performance.now() + ARRIVAL_MS };
    } else state.messages[known] = message;
  }
  const isOpen = handle === state.person && message.chat === state.chat;
  if (!message.from_me && !isOpen) state.unread.add(handle).add(`${handle} ${message.chat}`);
  noteLast(handle, message);
  drawPeople();
  if (handle === state.person) drawPhone();
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

function drawPhone() {
  byId("owner").textContent = state.person === null ? "" : nameOf(state.person);
  byId("peer").textContent = chatName(state.chat);
  drawChats();
  const shown = state.messages.filter((message) => message.chat === state.chat);
  byId("empty").hidden = shown.length > 0;
  byId("empty").textContent = `No messages yet. Write the first one${state.person === null ? "" : ` as ${nameOf(state.person)}`}.`;
  byId("bubbles").replaceChildren(...shown.flatMap((_, at) => bubbleRows(shown, at)));
  byId("screen").scrollTop = byId("screen").scrollHeight;
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
  const row = element("li", "", ...bubbles(message));
  row.classList.toggle("mine", message.from_me);
  row.classList.toggle("new", message.guid === state.arriving.guid && performance.now() < state.arriving.until);
  row.classList.toggle("first", apart(before, message) || before.sender !== message.sender);
  row.classList.toggle("last", apart(message, after) || after.sender !== message.sender);
  if (isGroup(message.chat) && !message.from_me && row.classList.contains("first")) {
    row.prepend(element("span", "author", nameOf(message.sender)));
  }
  if (message === shown.findLast((each) => each.from_me)) {
    row.append(element("span", "receipt", message.delivered ? "Delivered" : "Sending …"));
  }
  return apart(before, message) ? [momentRow(message.at), row] : [row];
}

const isGroup = (chat) => !state.lines.includes(chat);

function momentRow(at) {
  return element("li", "moment", element("span", "", element("b", "", dayOf(at)), ` ${timeOf(at)}`));
}

function bubbles(message) {
  const quoted = state.messages.find((each) => each.guid === message.reply_to_guid);
  return [
    ...(quoted ? [element("span", "quote", quoted.text ?? quoted.attachments[0]?.filename ?? "")] : []),
    ...message.attachments.map(fileBubble),
    ...(message.text === null ? [] : [element("span", "bubble", message.text)]),
  ];
}

function fileBubble(file) {
  const icon = document.createElementNS(document.querySelector("svg").namespaceURI, "svg");
  const path = document.createElementNS(icon.namespaceURI, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  path.setAttribute("d", "M6 2.5h8l5 5v14H6zM14 2.5v5h5");
  icon.append(path);
  return element("span", "bubble file", icon, element("span", "", file.filename, element("small", "", sizeOf(file.size))));
}

// Writing

async function send(content) {
  try {
    await tell(phoneOf(state.person), { to: state.chat, ...content });
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
  field.value = "";
  fit();
  if (!(await send({ text }))) field.value = text;
  fit();
}

async function sendFile() {
  const [file] = byId("file").files;
  byId("file").value = "";
  if (!file || state.person === null) return;
  await send({ attachment: { filename: file.name, mime_type: file.type || null, base64: await base64(file) } });
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
byId("text").addEventListener("input", fit);
byId("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendText();
});
byId("file").addEventListener("change", sendFile);
byId("new-group").addEventListener("toggle", drawMembers);
submits("new-person", addPerson);
submits("new-group", addGroup);

state.person = decodeURIComponent(location.hash.slice(1)) || null;
tick();
setInterval(tick, 10_000);
listen();
