// The rows of a conversation: days, bubbles with their parts, notes between them, receipts and dots.

import { avatarOf } from "./avatars.js";
import { button, element, sign } from "./elements.js";
import { fileBubble } from "./files.js";
import { onPress } from "./pressing.js";
import { badges } from "./tapbacks.js";
import { dayOf, gistOf, timeOf } from "./words.js";
import { chatName, groupOf, nameOf } from "./world.js";

const MOMENT_APART_MS = 15 * 60_000;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}\uFE0F?(?:\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}\uFE0F?(?:\p{Emoji_Modifier})?)*){1,3}$/u;
const LINK = /(\bhttps?:\/\/[^\s<>"]*[^\s<>".,:;!?'’”)\]}])/i; // what ends a sentence is none of it
const EFFECTS = {
  "com.apple.MobileSMS.expressivesend.impact": "Slam",
  "com.apple.MobileSMS.expressivesend.loud": "Loud",
  "com.apple.MobileSMS.expressivesend.gentle": "Gentle",
  "com.apple.MobileSMS.expressivesend.invisibleink": "Invisible Ink",
  "com.apple.messages.effect.CKEchoEffect": "Echo",
  "com.apple.messages.effect.CKSpotlightEffect": "Spotlight",
  "com.apple.messages.effect.CKHappyBirthdayEffect": "Balloons",
  "com.apple.messages.effect.CKConfettiEffect": "Confetti",
  "com.apple.messages.effect.CKHeartEffect": "Love",
  "com.apple.messages.effect.CKLasersEffect": "Lasers",
  "com.apple.messages.effect.CKFireworksEffect": "Fireworks",
  "com.apple.messages.effect.CKSparklesEffect": "Celebration",
};

// The rows of message *at* among *shown*; *phone* has the person, the rows that are there, and what can be done.
export function rowsOf(phone, shown, at) {
  const [before, message, after] = [shown[at - 1], shown[at], shown[at + 1]];
  const moment = apart(before, message) ? [momentRow(phone, message, before)] : [];
  if (message.note !== null) return [...moment, noteRow(phone, message)];
  const isFirst = apart(before, message) || isOther(before, message);
  const isLast = apart(message, after) || isOther(after, message);
  const row = bubbleRow(phone, message, { isFirst, isLast });
  row.classList.toggle("new", phone.isArriving(message.guid));
  row.classList.toggle("first", isFirst);
  row.classList.toggle("last", isLast);
  return [...moment, row, ...receiptRows(phone, shown, message)];
}

const apart = (one, other) => !one || !other || other.at - one.at > MOMENT_APART_MS;

const isOther = (one, other) =>
  one.sender !== other.sender || one.note !== null || one.unsent_at !== null || one.service !== other.service;

function bubbleRow(phone, message, { isFirst, isLast }) {
  const isTheirs = groupOf(message.chat) !== undefined && !message.from_me;
  const facts = {
    person: phone.person,
    message: { ...message, read_at: null },
    author: isTheirs && isFirst ? nameOf(message.sender) : null,
    face: isTheirs && isLast,
    quoted: quotedIn(phone, message),
    names: message.reactions.map((reaction) => nameOf(reaction.sender)),
  };
  return phone.rows.kept(message.guid, facts, () => {
    const author = facts.author === null ? [] : [element("span", "author", facts.author)];
    const face = facts.face ? [avatarOf(message.sender)] : [];
    const row = element("li", "", ...author, ...quoteOf(phone, message, facts.quoted), ...parts(phone, message), ...face);
    row.classList.toggle("mine", message.from_me);
    row.classList.toggle("green", message.service !== "iMessage");
    row.classList.toggle("grouped", isTheirs);
    return row;
  });
}

// What it answers

function quotedIn(phone, message) {
  if (message.reply_to_guid === null || message.unsent_at !== null) return null;
  const quoted = phone.messages.find((each) => each.guid === message.reply_to_guid);
  return quoted ? gistOf(quoted) : "A message that is not here";
}

function quoteOf(phone, message, quoted) {
  if (quoted === null) return [];
  const made = button("quote", `In reply to: ${quoted}`, quoted);
  made.dir = "auto";
  made.addEventListener("click", () => phone.goTo(message.reply_to_guid));
  return [made];
}

// A message and its parts: its files in order, then its text

function parts(phone, message) {
  const files = message.attachments.map((file) => fileBubble(phone.person, file, { isAudio: message.is_audio }));
  const bubbles = message.text === null ? files : [...files, textBubble(message.text)];
  return [...bubbles.map((bubble, at) => partOf(phone, message, at, bubble)), ...fates(message)];
}

function textBubble(text) {
  const isLarge = ONLY_EMOJI.test(text.trim());
  const made = element("span", isLarge ? "bubble large" : "bubble tail", ...linked(text));
  made.dir = "auto";
  return made;
}

// A text with its links as such: to other sites and nothing else, which learn nothing of this page.
function linked(text) {
  return text.split(LINK).map((piece, at) => {
    if (at % 2 === 0) return piece;
    return Object.assign(element("a", "", piece), { href: piece, target: "_blank", rel: "noopener noreferrer" });
  });
}

function partOf(phone, message, at, bubble) {
  const reactions = message.reactions.filter((reaction) => reaction.part === at);
  const holder = element("span", "holder", bubble);
  if (reactions.length) holder.append(badges(reactions, phone.person));
  const opener = button("more", "Actions", "⋯");
  opener.setAttribute("aria-haspopup", "menu");
  const part = element("div", "part", holder, opener);
  Object.assign(part, { tabIndex: -1, title: timeOf(message.at) });
  Object.assign(part.dataset, { key: `${message.guid} ${at}`, guid: message.guid });
  part.setAttribute("role", "group");
  part.setAttribute("aria-label", labelOf(message, at));
  part.classList.toggle("marked", reactions.length > 0);
  const openActions = () => phone.openActions(part, message.guid, at);
  opener.addEventListener("click", openActions);
  onPress(part, openActions);
  return part;
}

function labelOf(message, at) {
  const author = message.from_me ? "You" : nameOf(message.sender);
  const content = message.attachments[at]?.filename ?? message.text;
  return `${author}, ${timeOf(message.at)}: ${message.is_audio ? "voice memo" : content}`;
}

function fates(message) {
  const author = message.from_me ? "You" : nameOf(message.sender);
  if (message.unsent_at !== null) return [element("span", "fate", `${author} unsent a message`)];
  const effect = message.effect === null ? [] : [element("span", "fate", `Sent with ${EFFECTS[message.effect] ?? "an effect"}`)];
  return message.edited_at === null ? effect : [...effect, element("span", "fate", "Edited")];
}

// Between the bubbles

function momentRow(phone, message, before) {
  const service = message.service === "iMessage" ? "iMessage" : `Text Message · ${message.service}`;
  const facts = [dayOf(message.at), before?.service === message.service ? null : service];
  return phone.rows.kept(`moment ${message.guid}`, facts, () => {
    const over = facts[1] === null ? [] : [element("span", "service", service)];
    return element("li", "moment", ...over, element("span", "", element("b", "", facts[0]), ` ${timeOf(message.at)}`));
  });
}

function noteRow(phone, message) {
  const { what, subject } = message.note;
  const [actor, whom] = [message.from_me ? "You" : nameOf(message.sender), subject === null ? "" : nameOf(subject)];
  const named = subject === null ? `${actor} took the name off the conversation` : `${actor} named the conversation “${subject}”`;
  const says = {
    named,
    added: `${actor} added ${whom} to the conversation`,
    removed: `${actor} removed ${whom} from the conversation`,
    left: `${whom} left the conversation`,
  }[what];
  return phone.rows.kept(`note ${message.guid}`, says, () => element("li", "note", says));
}

// Below the last of mine that was read, and the last of all.
function receiptRows(phone, shown, message) {
  if (!message.from_me || message.service !== "iMessage" || message.unsent_at !== null) return [];
  const mine = shown.filter((each) => each.from_me && each.note === null && each.unsent_at === null);
  const isLast = message === mine.at(-1);
  if (message.read_at !== null && message === mine.findLast((each) => each.read_at !== null)) {
    return [receiptRow(phone, "read", `Read ${timeOf(message.read_at)}`)];
  }
  return isLast ? [receiptRow(phone, "delivered", message.delivered ? "Delivered" : "Sending …")] : [];
}

function receiptRow(phone, key, words) {
  return phone.rows.kept(`receipt ${key}`, words, () => element("li", "mine", element("span", "receipt", words)));
}

export function typingRows(phone) {
  if (!phone.typing.includes(phone.chat)) return [];
  const name = chatName(phone.chat, phone.person);
  return [phone.rows.kept("typing", [phone.chat, name], () => {
    const dots = [element("i"), element("i"), element("i")];
    return element("li", "typing first last", sign("dots", `${name} is typing`, ...dots));
  })];
}
