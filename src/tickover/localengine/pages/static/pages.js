// Keeps a page fresh, and shows times in the reader's zone. Everything works without it.
"use strict";

const every = 2000;
const shape = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
const local = new Intl.DateTimeFormat("sv-SE", shape);
let last = document.querySelector("main").innerHTML;
let timer = null;

function showTimes() {
  for (const time of document.querySelectorAll("main time")) {
    time.title = `${time.textContent} UTC`;
    time.textContent = local.format(new Date(time.dateTime));
  }
}

function isInUse(main) {
  const selection = document.getSelection();
  const selected = !selection.isCollapsed && selection.containsNode(main, true);
  return selected || main.contains(document.activeElement);
}

function swap(main, fresh) {
  const places = [...main.querySelectorAll(".box, pre")].map((box) => [box.scrollLeft, box.scrollTop]);
  main.replaceChildren(...fresh.childNodes);
  [...main.querySelectorAll(".box, pre")].forEach((box, n) => box.scrollTo(...(places[n] ?? [0, 0])));
  showTimes();
}

async function refresh() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = document.querySelector("main");
    const fresh = page.querySelector("main");
    lost.hidden = fresh !== null;
    if (fresh !== null && fresh.innerHTML !== last && !isInUse(main)) {
      last = fresh.innerHTML;
      swap(main, fresh);
    }
  } catch {
    lost.hidden = false;
  }
  plan();
}

function plan() {
  clearTimeout(timer);
  timer = document.hidden ? null : setTimeout(refresh, every);
}

document.addEventListener("visibilitychange", plan);
document.getElementById("zone")?.replaceChildren(`in your zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}; UTC when pointed at`);
showTimes();
plan();
