// JSON as it is read: indented, each kind of value in its colour.

import { element } from "./inspector-elements.js";

const INDENT = "  ";

export function jsonTree(value) {
  const tree = document.createDocumentFragment();
  write(tree, value, "");
  return tree;
}

function write(place, value, indent) {
  if (value === null || typeof value !== "object") {
    place.append(element("span", { className: `json-${value === null ? "null" : typeof value}` }, JSON.stringify(value)));
  } else if (Array.isArray(value)) {
    writeAll(place, "[]", value.map((each) => [null, each]), indent);
  } else {
    writeAll(place, "{}", Object.entries(value), indent);
  }
}

function writeAll(place, [opening, closing], entries, indent) {
  if (entries.length === 0) {
    place.append(opening + closing);
    return;
  }
  const deeper = indent + INDENT;
  entries.forEach(([name, value], at) => {
    place.append(`${at === 0 ? opening : ","}\n${deeper}`);
    if (name !== null) place.append(element("span", { className: "json-name" }, JSON.stringify(name)), ": ");
    write(place, value, deeper);
  });
  place.append(`\n${indent}${closing}`);
}
