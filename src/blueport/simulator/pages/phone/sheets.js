// Sheets over the page: somebody new, a new group, details, a contact, an emoji.

import { avatarOf } from "./avatars.js";
import { cardOf } from "./cards.js";
import { button, byId, element, show } from "./elements.js";
import { pathOf, tell } from "./server.js";
import { EMOJI } from "./tapbacks.js";
import { pretty } from "./words.js";
import { chatName, groupOf, isGreen, nameOf, othersIn, personOf, refresh, world } from "./world.js";

// *onPerson* and *onGroup* are told what was made, *shown* whose phone it is just now.
export function setUpSheets({ onPerson, onGroup, shown }) {
  for (const closer of document.querySelectorAll("[data-closes]")) {
    closer.addEventListener("click", () => closer.closest("dialog").close());
  }
  for (const opener of document.querySelectorAll("[data-opens]")) {
    opener.addEventListener("click", () => openNew(opener.dataset.opens, shown()));
  }
  submits("new-person", addPerson, onPerson);
  submits("new-group", addGroup, onGroup);
}

function openNew(id, shownHandle) {
  if (id === "new-group") drawChoices(shownHandle);
  opened(id);
}

// What *fill* hides or shows decides what gets the focus.
function opened(id, fill = () => {}) {
  const sheet = byId(id);
  sheet.querySelector("form").reset();
  show(sheet, null);
  fill(sheet);
  sheet.showModal();
  return sheet;
}

// *then* hears of what was made once the sheet has given the focus back.
function submits(id, make, then = () => {}) {
  const sheet = byId(id);
  sheet.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      const made = await make(new FormData(event.target));
      sheet.close();
      await then(made);
    } catch (error) {
      show(sheet, error.message);
    }
  };
}

async function addPerson(fields) {
  const { handle } = await tell("/people", {
    handle: fields.get("handle"),
    name: fields.get("name"),
    has_imessage: fields.has("has_imessage"),
  });
  return handle;
}

async function addGroup(fields) {
  const members = fields.getAll("members");
  const { id } = await tell("/groups", { name: fields.get("name"), members, line: fields.get("line") });
  return { id, members };
}

function drawChoices(shownHandle) {
  const choices = world.people.map((person) => {
    const box = element("input");
    Object.assign(box, { type: "checkbox", name: "members", value: person.handle, defaultChecked: person.handle === shownHandle });
    return element("label", "choice", box, avatarOf(person.handle), nameOf(person.handle));
  });
  byId("new-group").querySelector(".choices").replaceChildren(...choices);
  const lines = world.lines.map((line) => Object.assign(element("option", "", pretty(line)), { value: line }));
  byId("new-group").querySelector("select").replaceChildren(...lines);
  byId("new-group").querySelector(".lines").hidden = lines.length < 2;
}

// Who is in a conversation, which of them may be changed, and what the person of the phone is called and has.
export function openDetails(handle, chat) {
  const { name, has_imessage: hasImessage } = { name: null, has_imessage: true, ...personOf(handle) };
  opened("details", (sheet) => {
    sheet.querySelector("[name=name]").value = name ?? "";
    Object.assign(sheet.querySelector("[name=has_imessage]"), { checked: hasImessage, disabled: handle.includes("@") });
    sheet.querySelector("[name=group]").value = groupOf(chat)?.name ?? "";
    drawMembers(sheet, handle, chat);
  });
  submits("details", async (fields) => {
    const named = fields.get("group").trim();
    if (isChangeable(handle, chat) && named !== (groupOf(chat).name ?? "")) await changeGroup(handle, chat, "named", named);
    const has = fields.has("has_imessage") || handle.includes("@");
    await tell("/people", { handle, name: fields.get("name"), has_imessage: has });
  });
}

const changeGroup = (handle, chat, what, subject) =>
  tell(pathOf(handle, "groups", encodeURIComponent(chat)), { what, subject });

// By SMS a group stays as it is, and without the line nobody here hears of it.
const isChangeable = (handle, chat) => Boolean(groupOf(chat)?.line) && !isGreen(handle, chat);

function drawMembers(sheet, handle, chat) {
  const change = changing(sheet, handle, chat);
  byId("details-title").textContent = chatName(chat, handle);
  const members = groupOf(chat)?.members ?? [];
  const mayChange = isChangeable(handle, chat);
  for (const part of sheet.querySelectorAll(".of-group")) part.hidden = !mayChange;
  const others = othersIn(chat, handle).map((each) => memberRow(each, mayChange && members.includes(each) ? change : null));
  sheet.querySelector(".members").replaceChildren(memberRow(handle, null), ...others);
  if (!mayChange) return;
  sheet.querySelector(".leave").disabled = members.length < 2;
  sheet.querySelector(".leave").onclick = () => change("left", null);
  drawAdding(sheet, world.people.filter((person) => !members.includes(person.handle)), change);
}

// What changes the group, and shows what became of it.
function changing(sheet, handle, chat) {
  return async (what, subject) => {
    try {
      await changeGroup(handle, chat, what, subject);
      if (what === "left") return sheet.close();
      await refresh();
      drawMembers(sheet, handle, chat);
      sheet.querySelector("[name=group]").focus();
    } catch (error) {
      show(sheet, error.message);
    }
  };
}

function drawAdding(sheet, people, change) {
  const choices = people.map(({ handle }) => Object.assign(element("option", "", nameOf(handle)), { value: handle }));
  const field = sheet.querySelector("[name=added]");
  field.replaceChildren(...choices);
  sheet.querySelector(".adding").hidden = people.length === 0;
  sheet.querySelector(".add").onclick = () => change("added", field.value);
}

// With *change* they may be put out.
function memberRow(handle, change) {
  const about = [pretty(handle), ...(personOf(handle)?.has_imessage === false ? ["no iMessage"] : [])].join(" · ");
  const name = world.lines.includes(handle) ? "The line" : nameOf(handle);
  const row = element("li", "", avatarOf(handle), element("span", "words", element("b", "", name), element("span", "", about)));
  if (change === null) return row;
  const remove = button("remove", `Remove ${name}`, "Remove");
  remove.addEventListener("click", () => change("removed", handle));
  row.append(remove);
  return row;
}

// The contact as a file, null if there is to be none.
export function askForContact() {
  const sheet = opened("contact");
  return new Promise((resolve) => {
    sheet.addEventListener("close", () => resolve(null), { once: true });
    submits("contact", (fields) => resolve(cardOf(Object.fromEntries(fields))));
  });
}

// *react* is given the one that was chosen, and may refuse it.
export function chooseEmoji(react) {
  const sheet = opened("emoji");
  const choices = EMOJI.map((emoji) => {
    const made = button("", null, emoji);
    made.addEventListener("click", () => {
      sheet.close();
      react(emoji);
    });
    return made;
  });
  sheet.querySelector(".palette").replaceChildren(...choices);
  submits("emoji", async (fields) => {
    if (!fields.get("emoji").trim()) throw new Error("Choose one, or type any other.");
    if (!(await react(fields.get("emoji").trim()))) throw new Error("That could not be put there.");
  });
}
