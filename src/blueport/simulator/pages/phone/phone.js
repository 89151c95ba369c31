// One phone: whose it is, which conversation is open on it, and what is drawn there.

import { avatarOf, avatarsOf } from "./avatars.js";
import { rowsOf, typingRows } from "./bubbles.js";
import { Composer } from "./composer.js";
import { button, byId, element } from "./elements.js";
import { Rows } from "./rows.js";
import { ask, pathOf, tell } from "./server.js";
import { chooseEmoji, openDetails } from "./sheets.js";
import { openActions } from "./tapbacks.js";
import { gistOf, timeOf } from "./words.js";
import { chatName, chatsOf, isGreen, nameOf, noteRead, unreadIn } from "./world.js";

const ARRIVAL_MS = 250;
const NEAR_THE_END_PX = 60;
const SHOWN_AT_ONCE = 150;
const OPENING = ["Enter", " ", "ContextMenu"];
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export class Phone {
  // *onOpen* hears that another conversation is open; *onRead* that what is open has been looked at.
  constructor({ onOpen, onRead }) {
    Object.assign(this, { onOpen, onRead, person: null, chat: null, messages: [], typing: [] });
    this.heardCount = 0;
    this.opening = null; // the newest opening, while it is on its way
    this.reading = "done"; // "told" while the server is being told of it, "again" if there is more by then
    this.isAtEnd = true; // whether the newest bubble is in sight
    this.arriving = { guid: null, until: 0 }; // the bubble that moves in, and till when
    this.current = null; // the key of the bubble that had the focus last, to which Tab leads back
    this.most = SHOWN_AT_ONCE;
    this.root = byId("phone").content.firstElementChild.cloneNode(true);
    this.bubbles = this.part("bubbles");
    this.rows = new Rows(this.bubbles);
    this.composer = new Composer(this, this.part("composer"));
    this.listen();
  }

  part(name) {
    return this.root.querySelector(`.${name}`);
  }

  listen() {
    this.part("screen").addEventListener("scroll", ({ target }) => {
      this.isAtEnd = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_THE_END_PX;
    });
    // Pictures and cards grow as they come.
    new ResizeObserver(() => this.follow()).observe(this.bubbles);
    this.part("peer").addEventListener("click", () => openDetails(this.person, this.chat));
    this.bubbles.addEventListener("keydown", (event) => this.pressed(event));
    this.bubbles.addEventListener("focusin", ({ target }) => this.visited(target.closest(".part")));
  }

  // Opening and hearing

  async open(person, chat) {
    const opening = (this.opening = {});
    const to = chatsOf(person).includes(chat) ? chat : chatsOf(person)[0];
    const isOther = person !== this.person || to !== this.chat;
    if (isOther) this.turnTo(person, to);
    const { messages, typing } = await this.fetched(person);
    if (this.opening !== opening) return;
    Object.assign(this, { messages, typing, opening: null });
    this.draw({ toTheEnd: isOther });
    this.tellReading();
  }

  // At once, before the server has answered: what is written from now on is for this conversation, and the address says so.
  turnTo(person, chat) {
    this.composer.leave();
    if (person !== this.person) Object.assign(this, { messages: [], typing: [] });
    Object.assign(this, { person, chat, current: null, most: SHOWN_AT_ONCE });
    this.composer.enter();
    this.draw({ toTheEnd: true });
    this.onOpen();
  }

  async fetched(person) {
    if (person === null) return { messages: [], typing: [] };
    const heardBefore = this.heardCount;
    const [messages, typing] = await Promise.all([ask(pathOf(person, "messages")), ask(pathOf(person, "typing"))]);
    // What was said while the answer was on its way may be missing in it.
    return this.heardCount === heardBefore ? { messages, typing } : this.fetched(person);
  }

  heard(person, message, isNew) {
    this.heardCount += 1;
    if (person !== this.person) return;
    const known = this.messages.findIndex((each) => each.guid === message.guid);
    if (known < 0) this.arrived(message);
    else this.messages[known] = message;
    this.draw({ toTheEnd: isNew && message.chat === this.chat });
    this.tellReading();
  }

  arrived(message) {
    this.messages.push(message);
    this.arriving = { guid: message.guid, until: performance.now() + ARRIVAL_MS };
    if (message.chat === this.chat && !message.from_me && message.note === null) {
      this.part("said").textContent = `${nameOf(message.sender)}: ${gistOf(message)}`;
    }
  }

  heardTyping({ person, chat, is_typing: isTyping }) {
    this.heardCount += 1;
    if (person !== this.person) return;
    this.typing = [...this.typing.filter((each) => each !== chat), ...(isTyping ? [chat] : [])];
    this.draw();
  }

  isShowing(person, chat) {
    return person === this.person && chat === this.chat && this.isInSight;
  }

  get isInSight() {
    return !document.hidden && this.root.getClientRects().length > 0;
  }

  isArriving(guid) {
    return guid === this.arriving.guid && performance.now() < this.arriving.until;
  }

  async tellReading() {
    if (!this.isInSight || this.person === null) return;
    if (unreadIn(this.person, this.chat).length > 0) {
      noteRead(this.person, this.chat);
      this.onRead();
    }
    const isUnread = (message) => message.chat === this.chat && !message.from_me && message.read_at === null;
    if (!this.messages.some((message) => isUnread(message) && message.note === null)) return;
    if (this.reading !== "done") {
      this.reading = "again";
      return;
    }
    this.reading = "told";
    await tell(pathOf(this.person, "read"), { to: this.chat }).catch(() => {});
    const isMore = this.reading === "again";
    this.reading = "done";
    if (isMore) this.tellReading();
  }

  // Drawing

  draw({ toTheEnd = false } = {}) {
    if (this.person === null) return;
    this.drawHead();
    const shown = this.messages.filter((message) => message.chat === this.chat);
    this.part("empty").hidden = shown.length > 0 || this.opening !== null;
    this.part("empty").textContent = `No messages yet. Write the first one as ${nameOf(this.person)}.`;
    this.bubbles.setAttribute("aria-label", `Messages with ${chatName(this.chat, this.person)}`);
    this.isAtEnd ||= toTheEnd;
    this.drawRows(shown);
    this.composer.draw();
    this.follow();
  }

  drawHead() {
    this.root.setAttribute("aria-label", `Phone of ${nameOf(this.person)}: ${chatName(this.chat, this.person)}`);
    this.part("owner").textContent = nameOf(this.person);
    this.part("whose").replaceChildren(avatarOf(this.person), element("span", "hidden-words", `Phone of ${nameOf(this.person)}`));
    const name = element("span", "name", chatName(this.chat, this.person), element("span", "hidden-words", ", details"));
    this.part("peer").replaceChildren(avatarsOf(this.chat, this.person), name);
    this.root.classList.toggle("is-green", isGreen(this.person, this.chat));
    this.drawChats();
  }

  drawChats() {
    const [chats, tabs] = [chatsOf(this.person), this.part("chats")];
    const looks = JSON.stringify([this.chat, chats.map((chat) => [chatName(chat, this.person), unreadIn(this.person, chat).length])]);
    if (tabs.dataset.looks === looks) return;
    const hadFocus = tabs.contains(document.activeElement);
    tabs.dataset.looks = looks;
    tabs.hidden = chats.length < 2;
    tabs.setAttribute("aria-label", `Conversations of ${nameOf(this.person)}`);
    tabs.replaceChildren(...chats.map((chat) => this.chatTab(chat)));
    const open = tabs.querySelector("[aria-pressed=true]");
    if (open === null) return; // for the moment in which somebody is put out of a group
    tabs.scrollLeft = open.offsetLeft - (tabs.clientWidth - open.offsetWidth) / 2;
    if (hadFocus) open.focus();
  }

  chatTab(chat) {
    const count = unreadIn(this.person, chat).length;
    const tab = button("", null, chatName(chat, this.person), ...(count ? [element("span", "count", String(count))] : []));
    tab.setAttribute("aria-pressed", chat === this.chat);
    tab.addEventListener("click", () => this.open(this.person, chat));
    return tab;
  }

  drawRows(shown) {
    const focused = document.activeElement?.closest(".part")?.dataset.key;
    const first = Math.max(0, shown.length - this.most);
    const rows = shown.slice(first).flatMap((_, at) => rowsOf(this, shown, first + at));
    this.rows.place([...(first > 0 ? [this.earlierRow()] : []), ...rows, ...typingRows(this)]);
    if (focused && document.activeElement === document.body) (this.byKey(focused) ?? this.composer.text).focus({ preventScroll: true });
    this.rove(this.byKey(this.current) ?? this.newest);
  }

  earlierRow() {
    const made = button("", null, "Earlier messages");
    made.addEventListener("click", () => {
      this.most += SHOWN_AT_ONCE;
      this.isAtEnd = false;
      this.draw();
    });
    return element("li", "earlier", made);
  }

  follow() {
    if (this.isAtEnd) this.part("screen").scrollTop = this.part("screen").scrollHeight;
  }

  // The keyboard: Tab leads to one bubble and what is in it, the arrows to the others

  byKey(key) {
    return key === null ? null : this.bubbles.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  get newest() {
    return [...this.bubbles.querySelectorAll(".part")].at(-1);
  }

  visited(part) {
    if (!part) return;
    this.current = part.dataset.key;
    this.rove(part);
  }

  rove(part) {
    for (const each of this.bubbles.querySelectorAll(".part")) {
      each.tabIndex = each === part ? 0 : -1;
    }
    for (const inner of this.bubbles.querySelectorAll("a, button, video")) {
      const isReached = inner.closest("li") === part?.closest("li") && !inner.matches(".more");
      inner.tabIndex = isReached || inner.closest(".earlier") ? 0 : -1;
    }
  }

  pressed(event) {
    if (event.key === "Escape") this.composer.text.focus();
    const part = event.target.closest(".part");
    if (event.target !== part) return;
    if (OPENING.includes(event.key) || (event.shiftKey && event.key === "F10")) {
      event.preventDefault();
      this.openActions(part, ...keyOf(part));
    }
    this.step(part, event);
  }

  step(part, event) {
    const parts = [...this.bubbles.querySelectorAll(".part")];
    const at = parts.indexOf(part);
    const to = { Home: 0, End: parts.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? 0);
    if (to === at) return;
    event.preventDefault();
    if (to >= parts.length) this.composer.text.focus();
    else parts[Math.max(0, to)].focus();
  }

  focusNewest() {
    this.newest?.focus();
  }

  goTo(guid) {
    const isHere = () => this.bubbles.querySelector(`.part[data-guid="${CSS.escape(guid)}"]`);
    if (!isHere() && this.messages.some((message) => message.guid === guid)) {
      this.most = Infinity;
      this.draw();
    }
    const part = isHere();
    if (!part) return;
    part.scrollIntoView({ block: "center" });
    part.focus({ preventScroll: true });
    part.classList.remove("found");
    requestAnimationFrame(() => part.classList.add("found"));
  }

  // What can be done with a bubble

  openActions(part, guid, at) {
    const message = this.messages.find((each) => each.guid === guid);
    if (!message || this.root.querySelector("dialog[open]")) return;
    const react = (sign) => this.change("reactions", { guid, part: at, ...sign });
    openActions(this, part, message, at, {
      react,
      chooseEmoji: () => chooseEmoji((emoji) => react({ emoji })),
      reply: () => this.composer.begin("reply", message),
      edit: () => this.composer.begin("edit", message),
      unsend: () => this.change("unsends", { guid }),
      showOriginal: () => this.goTo(message.reply_to_guid),
    });
  }

  change(what, content) {
    return this.composer.tried(() => tell(pathOf(this.person, what), content));
  }

  tick() {
    this.part("clock").textContent = timeOf(Date.now());
  }
}

function keyOf(part) {
  const [guid, at] = part.dataset.key.split(" ");
  return [guid, Number(at)];
}
