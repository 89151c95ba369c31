// What a page does beyond what HTML and htmx do: moments told as how long ago they were, copying, and forms that need no button.

const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 14]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const calendar = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const AGAIN_MS = 10_000;
const COPIED_MS = 1_500;

function ago(at) {
  let left = (at - Date.now()) / 1000;
  for (const [unit, many] of UNITS) {
    if (Math.abs(left) < many) return unit === "second" && left > -5 && left <= 0 ? "just now" : words.format(Math.trunc(left), unit);
    left /= many;
  }
  return calendar.format(at);
}

// In a shadow, so that the page beneath stays what the server sent: it is compared with what comes next.
class RelativeTime extends HTMLElement {
  static observedAttributes = ["at"];

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.tell();
    this.again = setInterval(() => this.tell(), AGAIN_MS);
  }

  disconnectedCallback() {
    clearInterval(this.again);
  }

  attributeChangedCallback() {
    if (this.shadowRoot) this.tell();
  }

  tell() {
    this.shadowRoot.textContent = ago(Number(this.getAttribute("at")));
  }
}
customElements.define("relative-time", RelativeTime);

// What answers a form stands for it in the history: without this, who reloads does it again.
const instead = document.querySelector("[data-instead]")?.dataset.instead;
if (instead) history.replaceState(null, "", instead);

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const said = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = said; }, COPIED_MS);
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submits]")) target.form.requestSubmit();
});

// An open question is closed by Escape, and by a click beside it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details[open].confirm, details[open].menu");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", ({ target }) => {
  for (const open of document.querySelectorAll("details[open].confirm, details[open].menu")) {
    if (!open.contains(target)) open.open = false;
  }
});
