// What the generator's script adds to a page later, made good for those who cannot see, or have no mouse.

let blocks = 0;

function mend() {
  for (const nav of document.querySelectorAll("nav.md-code__nav:not([aria-label])")) {
    blocks += 1;
    nav.setAttribute("aria-label", `Block of code ${blocks}`);
  }
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) table.tabIndex = 0;
  for (const labels of document.querySelectorAll(".tabbed-labels:not([tabindex])")) {
    if (labels.scrollWidth > labels.clientWidth) labels.tabIndex = 0;
  }
  for (const label of document.querySelectorAll("label.md-header__button:is([for=__drawer], [for=__search])")) opened(label);
}

// A label cannot be reached by keyboard; the button in its place bears its classes, and `for`, by which the theme shows it.
function opened(label) {
  const button = document.createElement("button");
  for (const { name, value } of label.attributes) button.setAttribute(name, value);
  button.type = "button";
  button.append(...label.childNodes);
  button.addEventListener("click", () => document.getElementById(label.htmlFor).click());
  label.replaceWith(button);
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
