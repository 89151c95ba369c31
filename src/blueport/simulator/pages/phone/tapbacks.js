// What people put on messages, and the menu by which they do it and all else that can be done with a bubble.

import { element, sign } from "./elements.js";
import { isAdrift, openMenu } from "./menus.js";
import { nameOf } from "./world.js";

// The name of each tapback, its sign, and how a badge says that somebody has put it there.
const TAPBACKS = {
  love: ["❤️", "Loved"],
  like: ["👍", "Liked"],
  dislike: ["👎", "Disliked"],
  laugh: ["😂", "Laughed at"],
  emphasize: ["‼️", "Emphasized"],
  question: ["❓", "Questioned"],
};

export const EMOJI = [..."🔥🎉🙏👏😍🥰😢😮😡🤔🙌💯✅👀🫶🥳😅🤣😎💪☕🌈🚀💔"];

export function badges(reactions, person) {
  return element("span", "badges", ...reactions.map((reaction) => badge(reaction, person)));
}

function badge(reaction, person) {
  const [drawn, did] = TAPBACKS[reaction.tapback] ?? [reaction.emoji, `Reacted ${reaction.emoji}`];
  const made = sign(reaction.sender === person ? "own" : "", `${did} by ${nameOf(reaction.sender)}`, drawn);
  made.title = made.getAttribute("aria-label");
  return made;
}

// *acts* has what can be done: react, chooseEmoji, reply, edit, unsend, showOriginal.
export function openActions(phone, part, message, at, acts) {
  const own = message.reactions.find((each) => each.sender === phone.person && each.part === at);
  const groups = [
    { name: "Tapback", isRow: true, choices: tapbackChoices(own, acts) },
    { name: "Actions", choices: messageChoices(message, at, acts) },
  ];
  part.classList.add("lifted");
  openMenu(phone.root, part.querySelector(".bubble"), "What can be done", groups, () => {
    part.classList.remove("lifted");
    if (isAdrift() || part.contains(document.activeElement)) part.focus({ preventScroll: true });
  });
}

function tapbackChoices(own, acts) {
  const usual = Object.entries(TAPBACKS).map(([tapback, [drawn]]) => {
    const isOn = own?.tapback === tapback;
    return { says: tapback, sign: drawn, isOn, does: () => acts.react({ tapback, remove: isOn }) };
  });
  const other = own?.emoji
    ? [{ says: own.emoji, sign: own.emoji, isOn: true, does: () => acts.react({ emoji: own.emoji, remove: true }) }]
    : [];
  return [...usual, ...other, { says: "Another emoji", sign: "＋", does: acts.chooseEmoji }];
}

function messageChoices(message, at, acts) {
  const isText = message.text !== null && at === message.attachments.length;
  const isBlue = message.service === "iMessage";
  const mayChange = isBlue && message.from_me && message.delivered;
  return [
    ...(isBlue ? [{ says: "Reply", does: acts.reply }] : []),
    ...(message.reply_to_guid === null ? [] : [{ says: "Show what it answers", does: acts.showOriginal }]),
    ...(isText ? [{ says: "Copy", does: () => navigator.clipboard.writeText(message.text).catch(() => {}) }] : []),
    ...(mayChange && isText ? [{ says: "Edit", does: acts.edit }] : []),
    ...(mayChange ? [{ says: "Undo Send", does: acts.unsend, isGrave: true }] : []),
  ];
}
