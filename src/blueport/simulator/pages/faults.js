// The menu by which something goes wrong: once, for what the line sends next, or until it is switched back.

import { element } from "./inspector-elements.js";

const LOOK_EVERY_MS = 1000;
// Other numbers say that there is no such conversation, or that Messages does not run: then other ways are tried.
const HANDLER_FAILED = -10000;

// What befalls one message of the line's, or one tapback, edit or unsend.
const ONCE = [
  ["late", "Slow", "Messages says yes at once; the message leaves five seconds later.", { after_ms: 5000 }],
  ["error", "Fail", "Messages refuses it for good, with an error of AppleScript's.", { number: HANDLER_FAILED }],
  ["undelivered", "Not delivered", "Messages takes it, and then says that it could not be delivered.", {}],
  ["hang", "Hang", "Messages never answers; nothing is sent.", {}],
  ["silent", "Lie", "Messages says that it was sent, and does nothing.", {}],
  ["ghost", "Ghost", "Messages says that it was sent, and leaves an empty row.", {}],
];
// What stands: the words that begin and end it.
const STANDING = [
  ["offline", "online", "Mac offline", "Nothing goes in or out until the Mac is online again; then all of it does, once."],
  ["advanced_off", "advanced_on", "Advanced features off", "The Mac can do no more than AppleScript: texts and files."],
];

// Returns the menu: its root, and what brings it up to date; *placeOf* tells which conversation is open.
export function mountFaults(placeOf) {
  const menu = new Menu(placeOf);
  return { root: menu.root, refresh: () => menu.refresh(), turnTo: () => menu.refresh() };
}

class Menu {
  constructor(placeOf) {
    this.placeOf = placeOf;
    this.once = ONCE.map(([word, name, meaning, more]) => onceRow(name, meaning, () => this.add({ next: word, ...more })));
    this.standing = STANDING.map(([on, off, name, meaning]) =>
      switchRow(name, meaning, (isOn) => this.add({ next: isOn ? on : off })),
    );
    this.sms = switchRow("SMS only", "", (isOn) => this.setIMessage(!isOn));
    this.problem = element("p", { className: "problem", role: "alert", hidden: true });
    this.well = element("button", { type: "button", className: "well" }, "All well again");
    this.well.addEventListener("click", () => this.makeWell());
    this.count = element("span", { className: "count", hidden: true });
    this.opener = element("button", { type: "button", className: "opener" }, "Make something go wrong", this.count);
    this.opener.setAttribute("aria-expanded", "false");
    this.opener.setAttribute("aria-controls", "faults");
    this.opener.addEventListener("click", () => this.toggle());
    this.body = this.#body();
    this.root = element("section", { className: "faults", ariaLabel: "Faults" }, this.opener, this.body);
    this.root.addEventListener("keydown", ({ key }) => key === "Escape" && this.toggle(false));
    this.refresh();
  }

  #body() {
    const once = element("ul", { ariaLabel: "What goes out next" }, ...this.once.map((row) => row.root));
    const standing = [...this.standing, this.sms].map((row) => row.root);
    return element(
      "div",
      { className: "faults-body", id: "faults", hidden: true },
      element(
        "div",
        { className: "choices" },
        element("h3", {}, "What goes out next"),
        once,
        element("h3", {}, "Until it is switched back"),
        element("ul", { ariaLabel: "Until it is switched back" }, ...standing),
      ),
      this.problem,
      this.well,
    );
  }

  toggle(isOpen = this.body.hidden) {
    if (isOpen === !this.body.hidden) return;
    this.body.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", isOpen);
    clearInterval(this.looking);
    if (isOpen) {
      this.refresh();
      this.looking = setInterval(() => this.refresh(), LOOK_EVERY_MS);
    } else if (this.root.contains(document.activeElement)) this.opener.focus();
  }

  async refresh() {
    // What was asked first may be answered last.
    const asked = (this.asked = {});
    const [faults, people] = await Promise.all([ask("/faults"), ask("/people")]).catch(() => [null, null]);
    if (faults !== null && asked === this.asked) this.draw(faults, people);
  }

  draw(faults, people) {
    ONCE.forEach(([word], at) => {
      const toCome = faults.filter((fault) => fault.next === word && fault.on === "send").length;
      this.once[at].show(toCome);
    });
    STANDING.forEach(([on], at) => this.standing[at].show(faults.some((fault) => fault.next === on)));
    const wrong = faults.length + this.#drawSms(people);
    this.count.hidden = wrong === 0;
    this.count.textContent = wrong === 0 ? "" : ` ${wrong}`;
    this.count.ariaLabel = `${wrong} in force or to come`;
    this.well.disabled = wrong === 0;
  }

  #drawSms(people) {
    const person = people.find(({ handle }) => handle === this.placeOf()?.person);
    this.sms.root.hidden = person?.has_imessage === undefined;
    if (this.sms.root.hidden) return 0;
    this.sms.meaning.textContent = `${person.name ?? person.handle} has no iMessage: all goes by SMS.`;
    this.sms.show(!person.has_imessage);
    return person.has_imessage ? 0 : 1;
  }

  add(fault) {
    return this.#done(() => tell("/faults", fault));
  }

  setIMessage(hasIt) {
    return this.#done(() => tell("/people", { handle: this.placeOf().person, has_imessage: hasIt }));
  }

  makeWell() {
    return this.#done(async () => {
      await ask("/faults", { method: "DELETE" });
      if (this.sms.isOn) await tell("/people", { handle: this.placeOf().person, has_imessage: true });
    });
  }

  async #done(work) {
    this.problem.hidden = true;
    try {
      await work();
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
    await this.refresh();
  }
}

function onceRow(name, meaning, then) {
  const count = element("span", { className: "to-come", role: "status" });
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", then);
  const words = element("span", { className: "meaning" }, meaning);
  const show = (toCome) => {
    const told = toCome === 0 ? "" : `${toCome} to come`;
    if (count.textContent !== told) count.textContent = told;
  };
  return { root: element("li", {}, button, words, count), show };
}

function switchRow(name, meaning, then) {
  const words = element("span", { className: "meaning" }, meaning);
  const button = element("button", { type: "button", role: "switch" }, element("span", { className: "name" }, name));
  button.setAttribute("aria-checked", "false");
  const row = { root: element("li", { className: "switch" }, button, words), meaning: words, isOn: false };
  row.show = (isOn) => {
    row.isOn = isOn;
    button.setAttribute("aria-checked", isOn);
  };
  button.addEventListener("click", () => then(!row.isOn));
  return row;
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error.message);
  return content;
}

const tell = (path, content) => ask(path, { method: "POST", body: JSON.stringify(content) });
