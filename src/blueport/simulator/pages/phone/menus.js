// Menus over the page: arrow keys move, Enter chooses, Escape closes, and the focus goes back to where it was.

import { button, element } from "./elements.js";

const MARGIN_PX = 8;
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

// The focus is back by itself, unless it was nowhere, or what was chosen has led it elsewhere: see `isAdrift`.
export const isAdrift = () => document.activeElement === document.body;

// Each group is a list of choices, or a row of signs: what it says, perhaps a sign in its place, whether it is on, and what it does.
export function openMenu(host, anchor, label, groups, onClose = () => {}) {
  const list = element("div", "", ...groups.filter((group) => group.choices.length).map((group) => groupOf(group)));
  list.setAttribute("role", "menu");
  list.setAttribute("aria-label", label);
  // A dialog, since a press that is still held would close a popover as it ends.
  const menu = element("dialog", "menu", list);
  menu.setAttribute("aria-label", label);
  menu.addEventListener("keydown", (event) => moved(menu, event));
  menu.addEventListener("click", ({ target }) => {
    if (target === menu) menu.close();
  });
  menu.addEventListener("close", () => {
    menu.remove();
    onClose();
  });
  host.append(menu);
  menu.showModal();
  place(menu, anchor);
  itemsOf(menu)[0].focus();
}

const itemsOf = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

function groupOf({ name, isRow = false, choices }) {
  const made = element("div", isRow ? "choices tapback" : "choices", ...choices.map(itemOf));
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", name);
  return made;
}

function itemOf({ says, sign, isOn, does, isGrave = false }) {
  const made = button(isGrave ? "grave" : "", sign ? says : null, sign ?? says);
  made.setAttribute("role", isOn === undefined ? "menuitem" : "menuitemcheckbox");
  if (isOn !== undefined) made.setAttribute("aria-checked", isOn);
  made.tabIndex = -1;
  made.addEventListener("click", () => {
    made.closest("dialog").close();
    does();
  });
  return made;
}

function moved(menu, event) {
  if (event.key === "Tab") menu.close();
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement);
  const to = { Home: 0, End: items.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? 0);
  if (to === at) return;
  event.preventDefault();
  items.at(to % items.length).focus();
}

// Below what it belongs to, above if there is no room, within the window in any case.
function place(menu, anchor) {
  // Its own size as it is laid out: it is smaller for the moment in which it pops up.
  const [at, own] = [anchor.getBoundingClientRect(), { width: menu.offsetWidth, height: menu.offsetHeight }];
  const fitsBelow = at.bottom + MARGIN_PX + own.height < innerHeight;
  const top = fitsBelow ? at.bottom + MARGIN_PX : Math.max(MARGIN_PX, at.top - MARGIN_PX - own.height);
  const phone = anchor.closest(".phone").getBoundingClientRect();
  const isAtRight = at.left + at.right > phone.left + phone.right;
  const left = isAtRight ? at.right - own.width : at.left;
  menu.style.setProperty("top", `${Math.min(top, Math.max(MARGIN_PX, innerHeight - own.height - MARGIN_PX))}px`);
  menu.style.setProperty("left", `${Math.max(MARGIN_PX, Math.min(left, innerWidth - own.width - MARGIN_PX))}px`);
}
