// What all phones have in common: the lines, the people, their groups, and what nobody has looked at yet.

import { ask } from "./server.js";
import { gistOf, pretty } from "./words.js";

export const world = { lines: [], people: [], groups: [] };

const unread = new Map(); // the guids of messages, by "person chat"
let heardCount = 0;

export async function refresh() {
  const heardBefore = heardCount;
  const [lines, people, groups] = await Promise.all([ask("/lines"), ask("/people"), ask("/groups")]);
  // What was said while the answer was on its way may be missing in it.
  if (heardCount !== heardBefore) return refresh();
  Object.assign(world, { lines, people, groups });
  unread.clear();
  for (const person of world.people) {
    for (const [chat, guids] of Object.entries(person.unread)) unread.set(`${person.handle} ${chat}`, guids);
  }
}

export const personOf = (handle) => world.people.find((person) => person.handle === handle);

export const groupOf = (chat) => world.groups.find((group) => group.id === chat);

export const nameOf = (handle) => personOf(handle)?.name ?? pretty(handle);

export function chatsOf(handle) {
  const groups = world.groups.filter((group) => group.members.includes(handle)).map((group) => group.id);
  return [...world.lines, ...groups];
}

// Who else is in a conversation of somebody's: people, and last the line, unless it has left.
export function othersIn(chat, person) {
  const { members = [], line = chat } = groupOf(chat) ?? {};
  return [...members.filter((member) => member !== person), ...(line ? [line] : [])];
}

export const chatName = (chat, person) => groupOf(chat)?.name ?? othersIn(chat, person).map(nameOf).join(", ");

export const lineOf = (chat) => groupOf(chat)?.line ?? chat;

// One without iMessage makes a whole conversation green.
export function isGreen(person, chat) {
  const members = groupOf(chat)?.members ?? [person];
  return members.some((member) => personOf(member)?.has_imessage === false);
}

// A list shows who has news first; what becomes of the last words later moves nobody.
export function noteLast(handle, message, isNew) {
  const known = personOf(handle) ?? { handle, name: null, has_imessage: true };
  if (!isNew && message.at !== known.at) return;
  const told = { ...known, last_text: gistOf(message), at: message.at };
  const others = world.people.filter((person) => person !== known);
  others.splice(isNew ? 0 : world.people.indexOf(known), 0, told);
  world.people = others;
}

// What nobody has looked at is kept by the simulator: every page that shows this phone says the same.
export function noteUnread(handle, message) {
  heardCount += 1;
  const others = unreadIn(handle, message.chat).filter((guid) => guid !== message.guid);
  const isUnread = !message.from_me && message.note === null && message.read_at === null;
  unread.set(`${handle} ${message.chat}`, isUnread ? [...others, message.guid] : others);
}

export const noteRead = (handle, chat) => unread.delete(`${handle} ${chat}`);

export const unreadIn = (handle, chat) => unread.get(`${handle} ${chat}`) ?? [];

export const unreadOf = (handle) => chatsOf(handle).reduce((sum, chat) => sum + unreadIn(handle, chat).length, 0);
