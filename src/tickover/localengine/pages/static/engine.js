"use strict";
// Times in the reader's zone, with UTC on hover; and the page keeps up with the engine while somebody looks at it.

const EVERY = 2000; // milliseconds

function localTimes() {
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of document.querySelectorAll("time")) {
    time.textContent = shown.format(new Date(time.dateTime));
  }
}

let last = null;

async function refresh() {
  const main = document.querySelector("main");
  const busy = document.hidden || main.contains(document.activeElement) || !getSelection().isCollapsed;
  if (!busy) {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const text = await answer.text();
      if (last !== null && text !== last && answer.ok) {
        const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
        const scrolled = [...main.querySelectorAll(".box, pre")].map((box) => [box.scrollLeft, box.scrollTop]);
        main.replaceChildren(...fresh.childNodes);
        [...main.querySelectorAll(".box, pre")].forEach((box, index) => {
          [box.scrollLeft, box.scrollTop] = scrolled[index] ?? [0, 0];
        });
        localTimes();
      }
      last = text;
      document.body.classList.remove("stale");
    } catch {
      document.body.classList.add("stale");
    }
  }
  setTimeout(refresh, EVERY);
}

localTimes();
setTimeout(refresh, EVERY);
