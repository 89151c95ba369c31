// What the page is made of. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function button(className, label, ...children) {
  const made = element("button", className, ...children);
  made.type = "button";
  if (label !== null) made.setAttribute("aria-label", label);
  return made;
}

export function drawing(viewBox, ...children) {
  const made = vector("svg", { viewBox });
  made.setAttribute("aria-hidden", "true");
  made.append(...children);
  return made;
}

export function vector(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export const icon = (d) => drawing("0 0 24 24", vector("path", { d }));

// A sign that says something: without a role of its own it would not be read.
export function sign(className, label, ...children) {
  const made = element("span", className, ...children);
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  return made;
}

export function show(form, problem) {
  const place = form.querySelector(".problem");
  place.hidden = problem === null;
  place.textContent = problem ?? "";
}
