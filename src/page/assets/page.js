"use strict";
/* Shows the page anew by itself, without moving what is being read, typed or selected. Without this script the browser does it. */
(() => {
  const seconds = Number(document.body.dataset.refresh);
  const state = document.getElementById("state");
  const main = document.querySelector("main");
  if (!seconds || !state || !main) return;

  let isPaused = false;
  const button = document.createElement("button");
  button.type = "button";
  const name = () => { button.textContent = isPaused ? "Resume updates" : "Pause updates"; };
  name();
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    name();
    if (!isPaused) renew();
  });
  document.getElementById("made").append(button);

  const isInUse = () => {
    const active = document.activeElement;
    const isTyping = main.contains(active) && active !== main && !active.classList.contains("wide");
    const selection = document.getSelection();
    const isSelecting = selection && !selection.isCollapsed && main.contains(selection.anchorNode);
    return isTyping || isSelecting || main.querySelector("details[open]") !== null;
  };

  const places = () => Array.from(main.querySelectorAll(".wide"), (it) => it.scrollLeft);

  const renew = async () => {
    if (isPaused || document.hidden || isInUse()) return;
    try {
      const here = new URL(location.href);
      /* A browser that was given the password in the address must not be: it refuses to fetch from such a one. */
      here.username = here.password = here.hash = "";
      const answer = await fetch(here, { cache: "no-store", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [fresh, time] = [next.querySelector("main"), next.querySelector("#made time")];
      if (!fresh || !time || isInUse()) return;
      const kept = places();
      const focused = Array.from(main.querySelectorAll(".wide")).indexOf(document.activeElement);
      main.replaceChildren(...fresh.childNodes);
      main.querySelectorAll(".wide").forEach((it, at) => { it.scrollLeft = kept[at] || 0; });
      if (focused >= 0) main.querySelectorAll(".wide")[focused]?.focus({ preventScroll: true });
      document.querySelector("#made time").replaceWith(time);
      state.textContent = "";
    } catch {
      state.textContent = "Hale does not answer; the page is as it was.";
    }
  };
  setInterval(renew, seconds * 1000);
})();
