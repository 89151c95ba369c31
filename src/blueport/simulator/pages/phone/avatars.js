// Round faces: of a person, of the line, of a group.

import { element } from "./elements.js";
import { hueOf, initial } from "./words.js";
import { nameOf, othersIn, world } from "./world.js";

const MOST_FACES = 3;

export function avatarOf(handle) {
  const made = element("span", "avatar", world.lines.includes(handle) ? "B" : initial(nameOf(handle)));
  if (world.lines.includes(handle)) made.classList.add("line-face");
  else made.style.setProperty("--hue", hueOf(handle));
  made.setAttribute("aria-hidden", "true");
  return made;
}

export function avatarsOf(chat, person) {
  const faces = othersIn(chat, person).slice(0, MOST_FACES).map(avatarOf);
  const made = element("span", "faces", ...faces);
  made.setAttribute("aria-hidden", "true");
  return made;
}
