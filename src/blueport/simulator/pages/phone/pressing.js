// A long press, by touch or by mouse, and the other button of the mouse: all of them open what a bubble can do.

const LONG_PRESS_MS = 450;
const HELD_STILL_PX = 10;

export function onPress(target, then) {
  let pressing = null;
  const end = () => {
    clearTimeout(pressing?.timer);
    pressing = null;
  };
  target.addEventListener("pointerdown", (event) => {
    if (event.button === 0) pressing = { x: event.clientX, y: event.clientY, timer: setTimeout(held, LONG_PRESS_MS) };
  });
  target.addEventListener("pointermove", (event) => {
    if (pressing && Math.hypot(event.clientX - pressing.x, event.clientY - pressing.y) > HELD_STILL_PX) end();
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) target.addEventListener(name, end);
  target.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    end();
    then();
  });

  function held() {
    // Letting go is no click on a link or a picture then, nor outside of the menu.
    addEventListener("click", swallow, { capture: true, once: true });
    addEventListener("pointerdown", () => removeEventListener("click", swallow, { capture: true }), { capture: true, once: true });
    then();
  }
}

function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}
