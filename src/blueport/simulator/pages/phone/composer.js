// Where a person writes: texts, answers, edits, files and voice memos; and what the line sees of the typing.

import { element, show } from "./elements.js";
import { attachmentOf } from "./files.js";
import { isAdrift, openMenu } from "./menus.js";
import { pathOf, tell } from "./server.js";
import { Recorder } from "./sounds.js";
import { askForContact } from "./sheets.js";
import { durationOf, gistOf } from "./words.js";
import { groupOf, isGreen, nameOf } from "./world.js";

const TYPING_AGAIN_MS = 20_000;
const TICK_MS = 200;

export class Composer {
  constructor(phone, form) {
    Object.assign(this, { phone, form });
    this.text = form.querySelector("textarea");
    this.about = null; // the message that is answered or edited, and which of the two
    this.drafts = new Map(); // what is written and not sent, by conversation
    this.recorder = null;
    this.memo = null; // a sound that waits to be sent
    this.told = null; // whom of the typing, and when
    this.telling = Promise.resolve(); // one after the other: a late word of typing must not follow the message
    this.listen();
  }

  part(name) {
    return this.form.querySelector(`.${name}`);
  }

  listen() {
    const clicks = { cancel: "leaveAbout", plus: "openPlus", drop: "dropMemo", go: "sendMemo" };
    for (const [name, method] of Object.entries(clicks)) this.part(name).addEventListener("click", () => this[method]());
    for (const [name, method] of [["mic", "record"], ["stop", "stop"]]) {
      this.part(name).addEventListener("click", () => this.tried(() => this[method](), "Not recorded."));
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.text.focus(); // its button goes, and with it the keyboard of a small screen
      this.sendText();
    });
    this.text.addEventListener("input", () => this.written());
    this.text.addEventListener("keydown", (event) => this.pressed(event));
    this.text.addEventListener("paste", (event) => this.pasted(event));
    this.part("memo").addEventListener("keydown", ({ key }) => key === "Escape" && this.dropMemo());
    this.part("spoken").addEventListener("keydown", (event) => this.pressedInMemo(event));
    this.part("file").addEventListener("change", ({ target }) => this.chosen(target, (file) => this.sendFile(file)));
    this.part("sound").addEventListener("change", ({ target }) => this.chosen(target, (file) => this.hold(file)));
  }

  // What is tried, and said if it does not succeed.
  async tried(does, failed = "Not done.") {
    try {
      await does();
      show(this.form, null);
      return true;
    } catch (error) {
      show(this.form, `${failed} ${error.message}`);
      return false;
    }
  }

  get conversation() {
    return `${this.phone.person} ${this.phone.chat}`;
  }

  // Called before another conversation is opened, and after it.
  leave() {
    this.tellTyping(false);
    this.leaveAbout();
    this.dropMemo();
    this.drafts.set(this.conversation, this.text.value);
    show(this.form, null);
  }

  enter() {
    this.fill(this.drafts.get(this.conversation) ?? "");
  }

  draw() {
    const isText = isGreen(this.phone.person, this.phone.chat);
    const usual = isText ? "Text Message" : "iMessage";
    this.text.placeholder = this.about?.what === "edit" ? "Edit the message" : usual;
    this.form.classList.toggle("green", isText);
  }

  // Texts

  written() {
    this.fit();
    this.tellTyping(this.about?.what !== "edit" && this.text.value.trim() !== "");
  }

  pressed(event) {
    if (event.key === "Escape") this.leaveAbout();
    if (event.key === "ArrowUp" && this.text.value === "") this.phone.focusNewest();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.sendText();
  }

  async sendText() {
    const [text, about] = [this.text.value, this.about];
    if (!text.trim() || this.phone.person === null) return;
    if (about?.what === "edit") {
      if (await this.phone.change("edits", { guid: about.guid, text })) this.leaveAbout();
      return;
    }
    const { conversation } = this;
    this.fill("");
    if (await this.tried(() => this.send({ text }), "Not sent.")) return;
    this.drafts.set(conversation, text);
    if (conversation === this.conversation) this.enter();
  }

  async send(content) {
    const [{ person, chat }, about] = [this.phone, this.about];
    this.told = null; // a message ends the typing by itself
    await this.telling;
    await tell(pathOf(person, "messages"), { to: chat, reply_to_guid: about?.guid ?? null, ...content });
    if (this.about === about) this.leaveAbout();
  }

  // Answers and edits

  begin(what, message) {
    this.about = { what, guid: message.guid };
    const title = what === "edit" ? "Edit" : `Reply to ${message.from_me ? "yourself" : nameOf(message.sender)}`;
    this.part("about").hidden = false;
    this.part("words").replaceChildren(element("b", "", title), element("span", "", gistOf(message)));
    if (what === "edit") this.fill(message.text);
    this.draw();
    this.text.focus();
  }

  leaveAbout() {
    if (this.about === null) return;
    if (this.about.what === "edit") this.fill("");
    this.about = null;
    this.part("about").hidden = true;
    this.draw();
  }

  fill(text) {
    this.text.value = text;
    this.fit();
  }

  fit() {
    this.text.style.setProperty("height", "auto");
    this.text.style.setProperty("height", `${this.text.scrollHeight}px`);
    const isEmpty = !this.text.value.trim();
    this.part("send").hidden = isEmpty;
    this.part("mic").hidden = !isEmpty;
  }

  // Files

  openPlus() {
    const choices = [
      { says: "Photo or file", does: () => this.part("file").click() },
      { says: "Voice memo from a file", does: () => this.part("sound").click() },
      { says: "Contact", does: () => this.sendContact() },
    ];
    openMenu(this.phone.root, this.part("plus"), "Add", [{ name: "Add", choices }], () => {
      if (isAdrift()) this.part("plus").focus();
    });
  }

  chosen(field, then) {
    const [file] = field.files;
    field.value = "";
    if (file && this.phone.person !== null) then(file);
  }

  pasted(event) {
    const [file] = event.clipboardData.files;
    if (!file) return;
    event.preventDefault();
    this.sendFile(file);
  }

  sendFile(file) {
    return this.tried(async () => this.send({ attachment: await attachmentOf(file) }), "Not sent.");
  }

  async sendContact() {
    const file = await askForContact();
    if (file !== null) await this.sendFile(file);
    this.text.focus();
  }

  // Voice memos

  async record() {
    this.recorder = await Recorder.begun();
    this.form.classList.add("recording");
    this.showMemo("stop");
    this.tick();
  }

  tick() {
    if (this.recorder === null) return;
    this.part("time").textContent = durationOf(this.recorder.seconds);
    setTimeout(() => this.tick(), TICK_MS);
  }

  async stop() {
    const recorder = this.recorder;
    this.endRecording();
    try {
      this.hold(await recorder.stop());
    } catch (error) {
      this.dropMemo();
      throw error;
    }
  }

  hold(file) {
    this.memo = file;
    if (file.name !== "Audio Message.caf") this.part("time").textContent = file.name;
    this.showMemo("go");
  }

  showMemo(next) {
    this.part("memo").hidden = false;
    this.part("line").hidden = true;
    this.part("stop").hidden = next !== "stop";
    this.part("go").hidden = next !== "go";
    this.part("spoken").hidden = next !== "go";
    this.part(next).focus();
  }

  async sendMemo() {
    const transcription = this.part("spoken").value.trim() || null;
    const send = async () => this.send({ attachment: await attachmentOf(this.memo), is_audio: true, transcription });
    if (await this.tried(send, "Not sent.")) this.dropMemo();
  }

  pressedInMemo(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.sendMemo();
  }

  dropMemo() {
    this.recorder?.stop().catch(() => {});
    this.endRecording();
    this.memo = null;
    const hadFocus = this.part("memo").contains(document.activeElement);
    this.part("spoken").value = "";
    this.part("memo").hidden = true;
    this.part("line").hidden = false;
    if (hadFocus) this.text.focus();
  }

  endRecording() {
    this.recorder = null;
    this.form.classList.remove("recording");
  }

  // Typing

  tellTyping(isTyping) {
    const { told } = this;
    const { person, chat } = this.phone;
    const isFresh = told !== null && performance.now() - told.at < TYPING_AGAIN_MS;
    const isSilent = person === null || groupOf(chat) !== undefined || isGreen(person, chat);
    if (isTyping ? isFresh || isSilent : told === null) return;
    const [who, to] = isTyping ? [person, chat] : [told.person, told.chat];
    this.told = isTyping ? { person, chat, at: performance.now() } : null;
    this.telling = this.telling.then(() => tell(pathOf(who, "typing"), { to, is_typing: isTyping })).catch(() => {});
  }
}
