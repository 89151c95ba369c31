// The list of people, whoever has news first.

import { avatarOf } from "./avatars.js";
import { button, byId, element, icon } from "./elements.js";
import { dayOf, pretty, timeOf } from "./words.js";
import { nameOf, unreadOf, world } from "./world.js";

const BESIDE = "M3 4.5h7v15H3zM17.5 8.5v7M14 12h7";

// *open* and *openBeside* take a handle; *isOpen* tells whether a phone of theirs is shown.
export function drawPeople({ open, openBeside, isOpen }) {
  const focused = document.activeElement?.closest("#people li")?.dataset.handle;
  const rows = world.people.map((person) => row(person, { open, openBeside, isOpen }));
  byId("people").replaceChildren(...rows);
  byId("nobody").hidden = rows.length > 0;
  if (focused) rows.find((each) => each.dataset.handle === focused)?.querySelector("button").focus();
}

function row(person, { open, openBeside, isOpen }) {
  const made = element("li", "", personButton(person, open, isOpen(person.handle)));
  const beside = button("round beside", `Open ${nameOf(person.handle)} beside`, icon(BESIDE));
  beside.addEventListener("click", () => openBeside(person.handle));
  made.append(beside);
  made.dataset.handle = person.handle;
  return made;
}

function personButton(person, open, isOpen) {
  const count = unreadOf(person.handle);
  const last = element("span", "last", person.last_text ?? pretty(person.handle));
  last.dir = "auto";
  const words = element("span", "words", element("span", "name", nameOf(person.handle)), last);
  const side = element("span", "side", element("span", "when", whenOf(person.at)), ...(count ? [badge(count)] : []));
  const made = button("person", null, avatarOf(person.handle), words, side);
  made.classList.toggle("unread", count > 0);
  if (isOpen) made.setAttribute("aria-current", "true");
  made.addEventListener("click", () => open(person.handle));
  return made;
}

function badge(count) {
  const made = element("span", "count", String(count), element("span", "hidden-words", " unread"));
  return made;
}

function whenOf(at) {
  if (at === null || at === undefined) return "";
  return dayOf(at) === "Today" ? timeOf(at) : dayOf(at);
}
