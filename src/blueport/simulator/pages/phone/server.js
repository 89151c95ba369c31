// Asking the simulator, telling it, and hearing of each change.

const AGAIN_MS = 2_000;

export async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw new Error("The simulator is away.");
  });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error.message);
  return content;
}

export const tell = (path, content) => ask(path, { method: "POST", body: JSON.stringify(content) });

export const pathOf = (handle, ...rest) => ["/people", encodeURIComponent(handle), ...rest].join("/");

export const pathOfFile = (handle, file) => pathOf(handle, "files", encodeURIComponent(file.guid));

// *heard* has a function for `ready`, `message`, `typing` and `people`; *onAway* hears whether the simulator is away.
export function listen(heard, onAway) {
  const events = new EventSource("/events");
  for (const [name, then] of Object.entries(heard)) {
    events.addEventListener(name, (event) => then(JSON.parse(event.data)));
  }
  events.addEventListener("ready", () => onAway(false));
  events.addEventListener("error", () => {
    onAway(true);
    // Else the browser tries again by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => listen(heard, onAway), AGAIN_MS);
  });
}
