"use strict";
(() => {
  const find = document.getElementById("find");
  if (!find) return;
  const at = (id) => document.getElementById(id);
  const box = at("q"), slice = at("slice"), shown = at("shown"), help = at("help");
  const parts = [...document.querySelectorAll(".cases")];
  const kinds = [...document.getElementsByName("kind")];
  const height = new Map(parts.map((part) => [part, part.children.length]));
  const state = { at: "" };
  const left = new Map();
  let rows = null, timer = 0;
  find.hidden = false;
  document.documentElement.classList.add("scripted");

  const read = () =>
    (rows ??= parts.flatMap((part) =>
      Array.from(part.children, (row) => ({
        row,
        part,
        text: row.textContent.toLowerCase(),
        slices: new Set((row.dataset.s ?? "").split(" ")),
      })),
    ));
  const words = () => box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const apply = () => {
    const wanted = words(), inside = slice.selectedIndex ? String(slice.selectedIndex - 1) : "";
    if (!rows && !wanted.length && !inside) return;
    left.clear();
    for (const each of read()) {
      const hit =
        (!inside || each.slices.has(inside)) && wanted.every((word) => each.text.includes(word));
      if (each.row.hidden === hit) each.row.hidden = !hit;
      if (hit) left.set(each.part, (left.get(each.part) ?? 0) + 1);
    }
    for (const part of parts) {
      const rest = left.get(part) ?? 0;
      part.hidden = !rest;
      const share = rest / height.get(part);
      part.style.containIntrinsicHeight = share < 1 ? `${Math.ceil(32 * rest)}px` : "";
    }
    tell();
  };

  const kind = () => kinds.find((each) => each.checked)?.value ?? "all";
  const tell = () => {
    const filtered = words().length || slice.value, only = kind();
    let count = 0;
    for (const [part, rest] of left) {
      if (only === "all" || part.classList.contains(only)) count += rest;
    }
    shown.textContent = filtered ? `${count} found` : "";
  };
  const write = () => {
    const said = new URLSearchParams();
    if (kind() !== "all") said.set("kind", kind());
    if (slice.value) said.set("slice", slice.value);
    if (box.value) said.set("q", box.value);
    const filtered = said.size > 0;
    if (state.at && filtered) said.set("at", state.at);
    const hash = filtered ? `?${said}` : state.at;
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };
  const choose = (name) => {
    for (const each of kinds) each.checked = each.value === name;
    if (!kinds.some((each) => each.checked) && kinds.length) kinds[0].checked = true;
  };
  const clear = () => {
    box.value = slice.value = "";
    choose("all");
    apply();
  };
  const reveal = (target) => {
    for (let node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
    const own = target.querySelector(":scope > details, :scope > th > details");
    if (own) own.open = true;
    if (!target.checkVisibility({ contentVisibilityAuto: false })) clear();
    target.scrollIntoView();
    requestAnimationFrame(() => target.scrollIntoView());
    (target.querySelector("summary, a") ?? target).focus({ preventScroll: true });
  };
  const follow = () => {
    const hash = location.hash.slice(1);
    state.at = hash;
    if (hash.startsWith("?")) {
      const said = new URLSearchParams(hash.slice(1));
      state.at = said.get("at") ?? "";
      box.value = said.get("q") ?? "";
      slice.value = said.get("slice") ?? "";
      if (slice.selectedIndex < 0) slice.selectedIndex = 0;
      choose(said.get("kind") ?? "all");
      apply();
      if (!state.at) find.scrollIntoView();
    }
    const target = state.at && at(state.at);
    if (target) reveal(target);
    write();
  };

  const visible = () =>
    parts
      .filter((part) => !part.hidden && getComputedStyle(part).display !== "none")
      .flatMap((part) => [...part.children].filter((row) => !row.hidden));
  const move = (step) => {
    const list = visible();
    const here = list.indexOf(document.activeElement?.closest(".cases > li"));
    const next = list[here < 0 ? 0 : Math.min(list.length - 1, Math.max(0, here + step))];
    const handle = next?.querySelector("summary, a");
    handle?.focus({ preventScroll: true });
    handle?.scrollIntoView({ block: "nearest" });
  };
  const back = () => {
    const open = document.activeElement?.closest(".cases details[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    } else {
      clear();
      box.blur();
    }
    state.at = "";
    write();
  };
  const keys = {
    "/": () => box.focus(),
    "?": () => help.showModal(),
    j: () => move(1),
    k: () => move(-1),
    Escape: back,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "radio";
    const inside = event.target.closest?.(".cases > li");
    let act = !typing || event.key === "Escape" ? keys[event.key] : null;
    if (inside && event.key === "ArrowDown") act = keys.j;
    if (inside && event.key === "ArrowUp") act = keys.k;
    if (event.target === box && event.key === "Enter") act = keys.j;
    if (!act) return;
    event.preventDefault();
    act();
  });
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => (apply(), write()), 60);
  });
  slice.addEventListener("change", () => (apply(), write()));
  for (const each of kinds) each.addEventListener("change", () => (tell(), write()));
  at("keys").addEventListener("click", () => help.showModal());
  document.addEventListener(
    "toggle",
    (event) => {
      const row = event.target.closest(".cases > li");
      if (!row || event.target.parentElement !== row) return;
      if (event.target.open) state.at = row.id;
      else if (state.at === row.id) state.at = "";
      write();
    },
    true,
  );
  addEventListener("hashchange", follow);
  if (location.hash) follow();
  requestIdleCallback?.(read);
})();
