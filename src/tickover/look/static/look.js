"use strict";
// Times in the reader's zone, with UTC on hover; what is shown keeps up while somebody looks at it; ids can be copied.
// Without this script every page says the same, in UTC, as of when it was asked for.

const every = Number(document.body.dataset.every);
const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function dress(root) {
  for (const time of root.querySelectorAll("time")) {
    const form = time.dataset.short === undefined ? shown : hour;
    time.textContent = form.format(new Date(time.dateTime));
  }
  for (const button of root.querySelectorAll(".scripted")) button.hidden = false;
}

function isBusy(main) {
  const active = document.activeElement;
  const writes = main.contains(active) && active.matches("input, select, textarea");
  return document.hidden || writes || document.querySelector("dialog[open]") || !getSelection().isCollapsed;
}

async function refresh() {
  const main = document.querySelector("main");
  if (!isBusy(main)) {
    try {
      const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
      dress(fresh);
      if (!isBusy(main)) {
        Idiomorph.morph(main, fresh.innerHTML, { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks: { beforeNodeMorphed: keep } });
      }
      document.body.classList.remove("stale");
    } catch {
      document.body.classList.add("stale");
    }
  }
  setTimeout(refresh, every);
}

// What the reader has opened or filled in stays as it is.
function keep(before, after) {
  if (before.nodeName === "DETAILS" && after.nodeName === "DETAILS") after.open = before.open;
  return !before.matches?.("form[data-keep]");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 1500);
});

// What was sent is under way: it is not sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.target.method === "get") return;
  setTimeout(() => { button.disabled = true; button.setAttribute("aria-busy", "true"); });
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// One cell of a grid is a stop of the tab key, arrows go on from there.
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".cells a");
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 0, ArrowUp: 0 }[event.key];
  if (!cell || step === undefined) return;
  const cells = [...cell.closest(".cells").querySelectorAll("a")];
  const here = cell.getBoundingClientRect();
  const below = event.key === "ArrowDown";
  const next = step !== 0
    ? cells[cells.indexOf(cell) + step]
    : (below ? cells : cells.toReversed()).find((other) => {
        const there = other.getBoundingClientRect();
        return Math.abs(there.left - here.left) < here.width / 2 && (below ? there.top > here.bottom - 1 : there.bottom < here.top + 1);
      });
  if (!next) return;
  event.preventDefault();
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

dress(document);
if (every > 0) setTimeout(refresh, every);
