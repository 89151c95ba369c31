// Elements are made of names and texts alone: nothing that anybody said is ever read as markup.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

// Gives an element other children, and returns it.
export function replaced(place, ...children) {
  place.replaceChildren(...children);
  return place;
}
