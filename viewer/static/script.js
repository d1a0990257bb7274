// What the pages can do beyond links and forms: keys and copying. The live view is in live.js.
"use strict";
document.documentElement.classList.add("scripted");

// Lines have the id L and their number, rows of repeats R, and rows of lanes G.
const isLine = "li[id^=L], li[id^=R], li[id^=G]";
const lineOf = (element) => element && element.closest(isLine);
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
  (lines && line.classList.contains("current") ? line.querySelector(".r") : line).scrollIntoView({ block: "nearest" });
  const branch = document.querySelector("input[name=line]");
  if (branch && line.id) branch.value = number(line);
  history.replaceState({ ...history.state, current: lines ? line.id : rows.indexOf(line) }, "");
}

// toggle folds or unfolds, and keeps it in the address.
function toggle(details) {
  details.open = !details.open;
  remember(details);
}

// What of the page stands in which list of the address: branches that are folded the other
// way, values that are whole, and repeats and lanes that are seen one by one.
function listOf(details, line) {
  if (details.classList.contains("v")) return "full";
  if (foldOf(line) !== details) return null;
  return line.id[0] === "L" ? "toggled" : "open";
}

const numbersOf = (address, list) => new Set((address.searchParams.get(list) || "").split(".").filter(Boolean));

function setNumbers(address, list, numbers) {
  if (numbers.size > 300) return; // an address has a limit
  if (numbers.size) address.searchParams.set(list, [...numbers].sort((a, b) => a - b).join("."));
  else address.searchParams.delete(list);
}

const loaded = new URL(location.href); // what the server has made the page of

function remember(details) {
  const line = lineOf(details);
  const list = line && listOf(details, line);
  if (!list || list === "toggled" && loaded.searchParams.get("q")) return; // a filter folds nothing
  const address = new URL(location.href);
  const numbers = numbersOf(address, list);
  if (list === "full") numbers[details.open || valuesOf(line).some((value) => value.open) ? "add" : "delete"](number(line));
  else if (!numbers.delete(number(line))) numbers.add(number(line));
  setNumbers(address, list, numbers);
  history.replaceState(history.state, "", address);
}

const valuesOf = (line) => [...line.querySelectorAll(":scope > .r > details.v, :scope > details > .vs > details.v")];

// carry has a link to another view of the story keep what was folded since the page came.
function carry(anchor) {
  const link = anchor && new URL(anchor.href, location.href);
  if (!link || link.pathname !== location.pathname || !anchor.getAttribute("href").startsWith("story?") || anchor.closest(".resets, [aria-label=fold]")) return;
  if (["key", "id"].some((name) => link.searchParams.get(name) !== loaded.searchParams.get(name))) return;
  const now = new URL(location.href);
  for (const list of ["toggled", "full", "open"]) {
    const next = numbersOf(now, list);
    const before = numbersOf(loaded, list);
    const linked = anchor.dataset.linked ? numbersOf(new URL(anchor.dataset.linked, location.href), list) : numbersOf(link, list);
    for (const n of linked.symmetricDifference(before)) if (!next.delete(n)) next.add(n);
    setNumbers(link, list, next);
  }
  anchor.dataset.linked ||= anchor.getAttribute("href");
  anchor.href = link;
}
for (const event of ["pointerdown", "click"]) {
  document.addEventListener(event, (e) => carry(e.target.closest?.("a[href]")), true);
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("role") !== "search" || !document.body.matches(".story")) return;
  const now = new URL(location.href);
  for (const list of ["toggled", "full", "open"]) {
    let input = form.querySelector(`input[name=${list}]`);
    const value = now.searchParams.get(list);
    if (!value) { input?.remove(); continue; }
    if (!input) form.append(input = Object.assign(document.createElement("input"), { type: "hidden", name: list }));
    input.value = value;
  }
});

// Lines in the order of the page, without those that are folded.
const lines = document.querySelector(".lane") && document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_ELEMENT, (element) => {
  if (element.matches("details:not([open]) > ol")) return NodeFilter.FILTER_REJECT;
  return element.matches(isLine) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
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
  const place = (element) => (lines ? Number(number(lineOf(element))) : rows.indexOf(element));
  const at = current ? place(current) : by > 0 ? -1 : Infinity;
  const all = [...document.querySelectorAll(selector)].filter((element) => lines || rows.includes(element)).sort((a, b) => place(a) - place(b));
  const to = by > 0 ? all.find((element) => place(element) > at) : all.reverse().find((element) => place(element) < at);
  select(to && (lines ? lineOf(to) : to));
  return to;
}

// stepListed goes to the next of some lines, of which some are not in the page.
function stepListed(selector, list, by) {
  const known = document.querySelector("main")?.dataset[list];
  if (!known) return step(selector, by);
  const at = current ? Number(number(current)) : by > 0 ? 0 : Infinity;
  const all = known.split(".").map(Number);
  const to = by > 0 ? all.find((n) => n > at) : all.reverse().find((n) => n < at);
  if (!to) return step(selector, by);
  const line = document.getElementById("L" + to);
  if (line) return select(line);
  const address = new URL(location.href);
  address.searchParams.set("at", to);
  address.hash = "L" + to;
  location.assign(address);
}

function openOrFold() {
  if (!current) return;
  if (current.matches(".told")) toggle(foldOf(current));
  else if (!lines) current.querySelector(".title a, .n")?.click();
  else if (foldOf(current)) toggle(foldOf(current));
  else if (current.querySelector(":scope > .r > a.f")) current.querySelector(":scope > .r > a.f").click();
  else valuesOf(current).forEach(toggle);
}

const go = (selector) => {
  const to = document.querySelector(selector);
  to?.click();
  return to;
};
const error = "li.error[id^=L], li.told.error, .row.error, li.error.change";
const warn = "li.warn[id^=L], li.told.warn, .row.warn, li.warn.change";
const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  e: () => stepListed(error, "errors", 1),
  E: () => stepListed(error, "errors", -1),
  w: () => stepListed(warn, "warnings", 1),
  W: () => stepListed(warn, "warnings", -1),
  n: () => step("li.hit", 1),
  N: () => step("li.hit", -1),
  s: () => step("li.late", 1),
  S: () => step("li.late", -1),
  J: () => go("a[rel=next]"),
  K: () => go("a[rel=prev]"),
  u: () => go("a.up"),
  d: () => go("a.good, a.difference"),
  c: () => go("button.assistant") || go("button.copy"),
  y: copyLink,
  f: () => go("a.follow"),
  t: () => go(".choices[aria-label=time] strong + a") || go(".choices[aria-label=time] a"),
  g: () => ends(1),
  G: () => ends(-1),
  o: openOrFold,
  "[": () => current && branch(current, false),
  "]": () => current && branch(current, true),
  p: () => current && select(document.getElementById("L" + current.dataset.caller) || lineOf(current.parentElement)),
  l: () => go(".seg a[href*='lanes=time']") || go(".seg a"),
  "/": find,
  "?": () => document.querySelector("dialog.keys")?.showModal(),
};

// ends goes to the first or the last line, or row.
function ends(by) {
  if (lines) {
    let line = null;
    lines.currentNode = lines.root;
    if (by > 0) line = lines.nextNode();
    else for (let next = lines.lastChild(); next; next = lines.lastChild()) line = next;
    return select(line);
  }
  select(by > 0 ? rows[0] : rows.at(-1));
}

function tell(text) {
  const said = document.querySelector(".said");
  if (said) said.textContent = text;
}

async function copyLink() {
  const address = new URL(location.href);
  if (current?.id) address.hash = current.id;
  try {
    await navigator.clipboard.writeText(address);
    tell(current?.id ? "link to the line copied" : "link copied");
  } catch (error) {
    tell("not copied (" + error.message + "): take the address");
  }
}
document.querySelector("button.link")?.addEventListener("click", copyLink);

function find() {
  const more = document.querySelector(".narrow input");
  if (more) more.checked = true;
  document.querySelector("input.find")?.select();
}

function branch(line, open) {
  const own = foldOf(line);
  for (const details of own ? [own, ...own.querySelectorAll("details")] : valuesOf(line)) {
    if (details.open !== open) toggle(details);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const field = event.target.closest("input, select, textarea");
    if (field) {
      event.preventDefault(); // which would empty the field
      field.blur();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  const summary = event.target.closest("summary");
  const marks = !getSelection().isCollapsed; // who marks a text wants to copy it
  if (summary && !event.target.closest("a")) {
    event.preventDefault();
    if (marks && event.detail > 0) return; // a key has no detail
    toggle(summary.parentElement);
  }
  const line = lineOf(event.target);
  if (line && !marks) select(line);
});

function goToHash() {
  const line = /^#[LRG]\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (line) {
    select(line);
    line.querySelector(".r").scrollIntoView({ block: "center" });
  } else if (/^#L\d+$/.test(location.hash) && document.querySelector("main.long, .flat")) {
    const address = new URL(location.href); // of a branch that is not in the page
    const at = location.hash.slice(2);
    if (address.searchParams.get("at") === at) return;
    address.searchParams.set("at", at);
    location.replace(address);
  }
}
addEventListener("hashchange", goToHash);
const before = history.state?.current; // when who comes back left
goToHash();
if (before !== undefined && !location.hash) select(lines ? document.getElementById(before) : rows[before]);

document.querySelector("button.help")?.addEventListener("click", keys["?"]);

// copy copies a story as it is downloaded.
async function copy(values) {
  try {
    const answer = await fetch("download?" + new URLSearchParams(values));
    if (!answer.ok) throw new Error("the server answered " + answer.status);
    await navigator.clipboard.writeText(await answer.text());
    tell("copied");
  } catch (error) {
    tell("not copied (" + error.message + "): use download");
  }
}
document.querySelector("button.copy")?.addEventListener("click", (event) => copy(new FormData(event.target.form)));
document.querySelector("button.assistant")?.addEventListener("click", () => {
  const form = document.querySelector("form.download");
  copy({ key: form.elements.key.value, id: form.elements.id.value, as: "prompt" });
});
