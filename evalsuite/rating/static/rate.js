// The keyboard, the timer, and a form that is sent again until the server has confirmed it.
// The pages work without it.
"use strict";

const IDLE = 60; // seconds without a sign of the rater, from which the timer waits
const $ = (id) => document.getElementById(id);
const form = $("rating");
const undo = $("undo");
const state = $("state");
const groups = form ? [...form.querySelectorAll(".criterion")] : [];
let active = 0;
let busy = false;

function say(text, trouble) {
  if (!state) return;
  state.textContent = text;
  state.classList.toggle("trouble", Boolean(trouble));
}

// --- sending

async function send(target) {
  if (busy) return;
  busy = true;
  const body = new URLSearchParams(new FormData(target));
  for (let wait = 300; ; wait = Math.min(wait * 1.5, 3000)) {
    try {
      const answer = await fetch(target.action, { method: "POST", body, redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.assign(target.dataset.next);
      if (answer.status === 429) wait = 1500;
      else return target.submit(); // the same submission: the server shows what is wrong
    } catch {
      say("Not saved yet: the server does not answer. Trying again …", true);
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}

// --- answering

const chosen = (group) => group.querySelector("input:checked");
const critique = (group) => group.querySelector("textarea");

function problem(group) {
  const choice = chosen(group);
  if (!choice) return "Choose an answer";
  const wanted = "fail" in choice.dataset && !critique(group).value.trim();
  if (!wanted) return "";
  return "Say what is wrong: a critique is needed here. Esc goes back to the answers";
}

function point(place) {
  active = place;
  groups.forEach((group, at) => group.toggleAttribute("data-active", at === place));
}

function complain() {
  const wrong = groups.map(problem);
  groups.forEach((group, at) => {
    group.querySelector(".problem").textContent = wrong[at];
    critique(group).toggleAttribute("aria-invalid", false);
  });
  const first = wrong.findIndex(Boolean);
  if (first < 0) return false;
  point(first);
  const group = groups[first];
  if (chosen(group)) {
    critique(group).setAttribute("aria-invalid", "true");
    critique(group).focus();
  } else (group.querySelector("input") || group).focus();
  return true;
}

function choose(key) {
  const group = groups[active];
  const input = group && [...group.querySelectorAll("input")].find((each) => each.dataset.key === key);
  if (!input) return false;
  input.checked = true;
  answered(group, input);
  return true;
}

// The focus stays at the answers, so that the next key can correct a slip. It goes into a critique
// by `c`, or by Enter where one is needed.
function answered(group, input) {
  group.querySelector(".problem").textContent = "";
  critique(group).removeAttribute("aria-invalid");
  input.focus({ preventScroll: true });
  if (!problem(group)) onwards();
}

function onwards() {
  const next = groups.findIndex((group) => problem(group));
  if (next >= 0 && next !== active) {
    point(next);
    groups[next].scrollIntoView({ block: "nearest" });
  }
  return next;
}

function save() {
  if (busy) return;
  const open = groups.findIndex((group) => !chosen(group));
  if (open >= 0 && open !== active && !problem(groups[active])) {
    if (document.activeElement) document.activeElement.blur();
    onwards();
  } else form.requestSubmit();
}

// --- keys

const keysOn = $("keys-on");
const remembered = () => {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true;
  }
};

function toggle(details) {
  if (!details) return false;
  details.open = !details.open;
  if (details.open) details.scrollIntoView({ block: "nearest" });
  return true;
}

function command(key) {
  if (/^[1-9abtu]$/.test(key) && choose(key)) return true;
  switch (key) {
    case "?":
      $("help")?.showModal();
      return true;
    case "z": {
      const button = undo?.querySelector("button");
      if (button && !button.disabled) send(undo);
      return true;
    }
    case "c":
      if (groups[active]) critique(groups[active]).focus();
      return true;
    case "r":
      return toggle($("rubric"));
    case "d":
      return toggle($("differences"));
    case "j":
    case "k": {
      const place = active + (key === "j" ? 1 : -1);
      if (groups[place]) {
        point(place);
        groups[place].scrollIntoView({ block: "nearest" });
      }
      return true;
    }
  }
  return false;
}

// The key of a Latin keyboard, where another layout has no such letter or has digits with Shift.
function keyOf(event) {
  const key = event.key.toLowerCase();
  if (/^[a-z0-9?]$/.test(key) || event.shiftKey) return key;
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
  return place ? place[1].toLowerCase() : key;
}

addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
  const at = event.target;
  const typing = at.matches("textarea");
  if (event.key === "Enter" && form && !event.shiftKey) {
    if (!typing && at.matches("a, button, summary")) return;
    event.preventDefault();
    if (!event.repeat) save();
    return;
  }
  if (typing && event.key === "Escape") return at.blur();
  if (typing || event.ctrlKey || event.metaKey || event.repeat || (keysOn && !keysOn.checked)) return;
  if (!busy && command(keyOf(event))) event.preventDefault();
});

// --- the timer counts while the page is looked at

const seconds = form && form.elements.namedItem("seconds");
let spent = seconds ? Number(seconds.value) || 0 : 0;
let seen = performance.now();
let tick = seen;
for (const kind of ["keydown", "pointermove", "pointerdown", "scroll", "wheel"])
  addEventListener(kind, () => (seen = performance.now()), { passive: true, capture: true });

function count() {
  const now = performance.now();
  const looking = document.visibilityState === "visible" && now - seen < IDLE * 1000;
  if (looking) spent += Math.min((now - tick) / 1000, 5);
  tick = now;
  if (seconds) seconds.value = spent.toFixed(1);
  const clock = $("timer");
  if (clock) clock.textContent = `${Math.floor(spent / 60)}:${String(Math.floor(spent % 60)).padStart(2, "0")}`;
}

// --- start

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    count();
    if (!complain()) send(form);
  });
  groups.forEach((group, place) => {
    group.addEventListener("focusin", () => point(place));
  });
  const timer = $("timer");
  if (timer) timer.hidden = false;
  setInterval(count, 1000);
  const wrong = Number(form.dataset.wrong);
  if (wrong >= 0) {
    point(wrong);
    (chosen(groups[wrong]) ? critique(groups[wrong]) : groups[wrong].querySelector("input")).focus();
  } else {
    const first = groups.findIndex((group) => !chosen(group));
    if (groups.length) point(Math.max(first, 0));
  }
}
if (undo) {
  undo.addEventListener("submit", (event) => {
    event.preventDefault();
    send(undo);
  });
}
if (keysOn) {
  keysOn.checked = remembered();
  keysOn.addEventListener("change", () => {
    try {
      localStorage.setItem("keys", keysOn.checked ? "on" : "off");
    } catch {
      // it holds for this page then
    }
  });
}
const help = $("help-button");
if (help) {
  help.hidden = false;
  help.addEventListener("click", () => $("help").showModal());
}
if (!form || Number(form.dataset.wrong) < 0) $("top")?.focus({ preventScroll: true });
if (state && state.textContent) {
  const said = state.textContent; // said again, so that a screen reader reads it out
  say("");
  setTimeout(() => say(said), 150);
}
