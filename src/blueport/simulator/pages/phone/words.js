// How things are said.

export const pretty = (handle) => handle.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 ($1) $2-$3");

export const initial = (name) => [...name.replace(/^[+\d() -]+/, "")][0]?.toUpperCase() ?? "#";

export const hueOf = (handle) => [...handle].reduce((sum, letter) => (sum + letter.codePointAt(0) * 137) % 360, 220);

export const timeOf = (at) => new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });

export function dayOf(at) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return new Date(at).toLocaleDateString([], { weekday: "long" });
  return new Date(at).toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", year: "numeric" });
}

export function sizeOf(bytes) {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function durationOf(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// What a message is in a line of text.
export function gistOf(message) {
  if (message.note !== null) return "The group has changed";
  if (message.unsent_at !== null) return "Unsent";
  if (message.text !== null) return message.text;
  if (message.is_audio) return "Audio message";
  return message.attachments.map((file) => file.filename).join(", ");
}
