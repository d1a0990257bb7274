// What the pages can do beyond links and forms: keys and copying. The live view is in live.js.
"use strict";
document.documentElement.classList.add("scripted");

const lineOf = (element) => element && element.closest("li[id^=L]");
const number = (line) => line.id.slice(1);
const foldOf = (line) => line?.querySelector(":scope > details");

let current = null;

// reveal unfolds what a line stands in.
function reveal(line) {
  for (let up = line.parentElement; up; up = up.parentElement) {
    if (up.tagName === "DETAILS" && !up.open) toggle(up);
  }
}

function select(line) {
  if (!line) return;
  if (current) current.classList.remove("current");
  current = line;
  reveal(line);
  line.classList.add("current");
  const link = line.querySelector(":scope > .n, .title a, :scope > details > summary");
  if (link) link.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  const branch = document.querySelector("input[name=line]");
  if (branch && line.id) branch.value = number(line);
}

// toggle folds or unfolds, and keeps it in the address.
function toggle(details) {
  details.open = !details.open;
  remember(details);
}

function remember(details) {
  const line = lineOf(details);
  if (!line || foldOf(line) !== details || line.classList.contains("again")) return;
  const address = new URL(location.href);
  const toggled = new Set((address.searchParams.get("toggled") || "").split(".").filter(Boolean));
  if (!toggled.delete(number(line))) toggled.add(number(line));
  if (toggled.size > 300) return; // an address has a limit
  if (toggled.size) address.searchParams.set("toggled", [...toggled].join("."));
  else address.searchParams.delete("toggled");
  history.replaceState(null, "", address);
}

// Lines in the order of the page, without those that are folded.
const lines = document.querySelector(".lane") && document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_ELEMENT, (element) => {
  if (element.matches("details:not([open]) > ol")) return NodeFilter.FILTER_REJECT;
  return element.matches("li[id^=L]") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
});
const listed = ".stories tr.row, li.told, li.change";
const rows = [...document.querySelectorAll(listed)]; // of the other pages

function walk(by) {
  if (!lines) return step(listed, by);
  lines.currentNode = current || lines.root;
  select(by > 0 ? lines.nextNode() : lines.previousNode());
}

// step goes to the next of some lines by their number, or of some rows.
function step(selector, by) {
  const place = (element) => (lines ? Number(number(element)) : rows.indexOf(element));
  const at = current ? place(current) : by > 0 ? -1 : Infinity;
  const all = [...document.querySelectorAll(selector)].filter((element) => lines || rows.includes(element));
  select(by > 0 ? all.find((element) => place(element) > at) : all.reverse().find((element) => place(element) < at));
}

function openOrFold() {
  if (!current) return;
  if (current.matches(".told")) toggle(foldOf(current));
  else if (!lines) current.querySelector(".title a, .n")?.click();
  else if (foldOf(current)) toggle(foldOf(current));
  else current.querySelector(":scope > .r > a.f")?.click();
}

const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  e: () => step("li.error, .row.error", 1),
  E: () => step("li.error, .row.error", -1),
  w: () => step("li.warn, .row.warn", 1),
  W: () => step("li.warn, .row.warn", -1),
  o: openOrFold,
  "[": () => current && branch(current, false),
  "]": () => current && branch(current, true),
  p: () => current && select(document.getElementById("L" + current.dataset.caller) || lineOf(current.parentElement)),
  l: () => document.querySelector(".choices[aria-label=lanes] a")?.click(),
  "/": find,
  "?": () => document.querySelector("dialog.keys")?.showModal(),
};

function find() {
  const more = document.querySelector(".narrow input");
  if (more) more.checked = true;
  document.querySelector("input.find")?.focus();
}

function branch(line, open) {
  const own = foldOf(line);
  if (!own) return;
  for (const details of [own, ...own.querySelectorAll("details")]) {
    if (details.open !== open) toggle(details);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  if (summary && !event.target.closest("a")) {
    event.preventDefault();
    toggle(summary.parentElement);
  }
  const line = lineOf(event.target);
  if (line && getSelection().isCollapsed) select(line); // who marks a text wants to copy it
});

function goToHash() {
  const line = /^#L\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (line) {
    select(line);
    line.scrollIntoView({ block: "center" });
  } else if (/^#L\d+$/.test(location.hash) && document.querySelector("main.long, .flat")) {
    const address = new URL(location.href); // of a branch that is not in the page
    const at = location.hash.slice(2);
    if (address.searchParams.get("at") === at) return;
    address.searchParams.set("at", at);
    location.replace(address);
  }
}
addEventListener("hashchange", goToHash);
goToHash();

document.querySelector("button.help")?.addEventListener("click", keys["?"]);

document.querySelector("button.copy")?.addEventListener("click", async (event) => {
  const form = event.target.form;
  const said = form.querySelector(".said");
  try {
    const answer = await fetch("download?" + new URLSearchParams(new FormData(form)));
    if (!answer.ok) throw new Error("the server answered " + answer.status);
    await navigator.clipboard.writeText(await answer.text());
    said.textContent = "copied";
  } catch (error) {
    said.textContent = "not copied (" + error.message + "): use download";
  }
});
