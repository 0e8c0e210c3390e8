"use strict";
(() => {
  const find = document.getElementById("find");
  const box = document.getElementById("q");
  const shown = document.getElementById("shown");
  if (!find) return;
  find.hidden = false;
  const more = document.querySelector("details.more");
  let rows = null;
  let timer = 0;
  const apply = () => {
    rows ??= Array.from(document.querySelectorAll(".cases tbody tr, details.answer"), (row) => [
      row,
      row.textContent.toLowerCase(),
    ]);
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      const hit = words.every((word) => text.includes(word));
      row.hidden = !hit;
      count += hit && row.tagName === "TR";
    }
    if (words.length && more) more.open = true;
    shown.textContent = words.length ? `${count} found` : "";
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 120);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    }
  });
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
})();
