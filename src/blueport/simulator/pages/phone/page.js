// The page with the phones. What is on them comes from the simulator alone: the page asks for a screen once, then hears
// of each change, and asks again whenever the connection was lost in between.
//
// The address says what is shown: `#PERSON`, or `#PERSON/CONVERSATION`, and `&` before a second phone.

import { byId } from "./elements.js";
import { drawPeople } from "./list.js";
import { Phone } from "./phone.js";
import { listen } from "./server.js";
import { setUpSheets } from "./sheets.js";
import { chatsOf, lineOf, noteLast, noteUnread, personOf, refresh, world } from "./world.js";

const MOST_PHONES = 2;
const TICK_MS = 10_000;

const phones = []; // from the left
let active = null; // the one that was used last
let announced = ""; // the conversation of which the inspector was told last

function addPhone() {
  const phone = new Phone({ onOpen: () => opened(phone), onRead: drawList });
  phone.root.addEventListener("focusin", () => activate(phone));
  phone.root.addEventListener("pointerdown", () => activate(phone));
  phone.part("back").addEventListener("click", goBack);
  phone.part("beside").addEventListener("click", () => openBeside(...otherThan(phone)));
  phone.part("close").addEventListener("click", () => closePhone(phone));
  phones.push(phone);
  byId("phones").append(phone.root);
  phone.tick();
  arrange();
  return phone;
}

function closePhone(phone) {
  phone.composer.leave();
  phone.root.remove();
  phones.splice(phones.indexOf(phone), 1);
  activate(phones[0]);
  arrange();
  remember();
  drawList();
  phones[0].part("beside").focus();
}

function arrange() {
  byId("phones").classList.toggle("two", phones.length === MOST_PHONES);
}

function activate(phone) {
  active = phone;
  for (const each of phones) each.root.classList.toggle("active", each === phone);
  announce();
}

// Somebody else, or else another conversation.
function otherThan({ person, chat }) {
  const other = world.people.find((each) => each.handle !== person);
  return other ? [other.handle, null] : [person, chatsOf(person).find((each) => each !== chat) ?? chat];
}

// Opening

async function openPerson(handle) {
  await (active ?? addPhone()).open(handle, null);
  remember({ isNew: true });
  active.composer.text.focus();
}

async function openBeside(handle, chat = null) {
  const phone = phones.length < MOST_PHONES ? addPhone() : phones.find((each) => each !== active);
  activate(phone);
  await phone.open(handle, chat);
  remember();
  phone.composer.text.focus();
}

function goBack() {
  history.pushState(null, "", location.pathname);
  showView();
  byId("people").querySelector("[aria-current] , button")?.focus();
}

function opened(phone) {
  if (active === null) activate(phone);
  if (location.hash) remember();
  drawList();
  announce();
}

function drawList() {
  drawPeople({
    open: openPerson,
    openBeside,
    isOpen: (handle) => phones.some((phone) => phone.person === handle),
  });
}

// For the inspector, which is about one conversation.
function announce() {
  if (active === null || active.person === null) return;
  const detail = { person: active.person, chat: active.chat, line: lineOf(active.chat) };
  if (JSON.stringify(detail) === announced) return;
  announced = JSON.stringify(detail);
  document.dispatchEvent(new CustomEvent("conversation", { detail }));
}

// The address

function remember({ isNew = false } = {}) {
  const told = phones.filter((phone) => phone.person !== null).map(addressOf);
  const hash = `#${told.join("&")}`;
  if (hash !== location.hash) history[isNew ? "pushState" : "replaceState"](null, "", hash);
  showView();
}

function addressOf({ person, chat }) {
  const isUsual = chat === chatsOf(person)[0];
  return [person, ...(isUsual ? [] : [chat])].map((each) => encodeURIComponent(each).replaceAll("%2B", "+")).join("/");
}

function addressed() {
  const read = (part) => part.split("/").map(decodeURIComponent);
  const asked = location.hash.slice(1).split("&").filter(Boolean).map(read);
  const known = asked.filter(([person]) => personOf(person)).slice(0, MOST_PHONES);
  return known.length ? known : [[world.people[0]?.handle ?? null, null]];
}

async function restore() {
  const asked = addressed();
  while (phones.length < asked.length) addPhone();
  while (phones.length > asked.length) phones.pop().root.remove();
  arrange();
  if (!phones.includes(active)) activate(phones[0]);
  showView();
  await Promise.all(asked.map(([person, chat], at) => phones[at].open(person, chat ?? null)));
}

// On something as narrow as a phone: the list, or what the address says.
function showView() {
  document.body.dataset.view = location.hash ? "phone" : "list";
  for (const phone of phones) phone.tellReading();
}

// Hearing

async function refreshAll() {
  await refresh();
  if (phones.length === 0) {
    await restore();
    return;
  }
  drawList();
  await Promise.all(phones.map((phone) => phone.open(phone.person, phone.chat)));
}

async function redrawAll() {
  await refresh();
  drawList();
  for (const phone of phones) {
    // Who is no longer in the group that is open is led to another conversation.
    if (chatsOf(phone.person).includes(phone.chat)) phone.draw();
    else if (phone.person !== null) await phone.open(phone.person, null);
  }
  if (phones.some((phone) => phone.person === null)) await restore();
}

function heard({ person, message, is_new: isNew }) {
  noteUnread(person, message);
  noteLast(person, message, isNew);
  drawList();
  for (const phone of phones) phone.heard(person, message, isNew);
}

function setUpViews() {
  const tabs = [...byId("views").children];
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => {
      document.body.classList.toggle("is-inspecting", at === 1);
      for (const each of tabs) each.setAttribute("aria-pressed", each === tab);
    });
  });
}

setUpSheets({
  onPerson: async (handle) => {
    await refresh();
    await openPerson(handle);
  },
  onGroup: async ({ id, members }) => {
    await refresh();
    const person = members.includes(active.person) ? active.person : members[0];
    await active.open(person, id);
    remember({ isNew: true });
    active.composer.text.focus();
  },
  shown: () => active?.person ?? null,
});
setUpViews();
setInterval(() => phones.forEach((phone) => phone.tick()), TICK_MS);
addEventListener("popstate", restore);
document.addEventListener("visibilitychange", () => phones.forEach((phone) => phone.tellReading()));
listen(
  {
    ready: refreshAll,
    message: heard,
    typing: (change) => phones.forEach((phone) => phone.heardTyping(change)),
    people: redrawAll,
  },
  (isAway) => {
    byId("away").hidden = !isAway;
  },
);
