// What the pages can do beyond links and forms: keys, copying, the live view.
"use strict";
document.documentElement.classList.add("scripted");

const lineOf = (element) => element && element.closest("li[id^=L]");
const number = (line) => line.id.slice(1);
const foldOf = (line) => line.querySelector(":scope > details");

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
  const link = line.querySelector(":scope > .n");
  if (link) link.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  const branch = document.querySelector("input[name=line]");
  if (branch) branch.value = number(line);
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

function step(lines, by) {
  const all = [...lines];
  const at = current ? Number(number(current)) : by > 0 ? 0 : Infinity;
  select(by > 0 ? all.find((l) => Number(number(l)) > at) : all.reverse().find((l) => Number(number(l)) < at));
}

function visible() {
  return [...document.querySelectorAll("li[id^=L]")].filter((line) => !line.parentElement.closest("details:not([open])"));
}

const keys = {
  j: () => step(visible(), 1),
  k: () => step(visible(), -1),
  e: () => step(document.querySelectorAll("li.error"), 1),
  E: () => step(document.querySelectorAll("li.error"), -1),
  w: () => step(document.querySelectorAll("li.warn"), 1),
  W: () => step(document.querySelectorAll("li.warn"), -1),
  o: () => current && foldOf(current) && toggle(foldOf(current)),
  "[": () => current && branch(current, false),
  "]": () => current && branch(current, true),
  p: () => current && select(lineOf(current.parentElement)),
  "/": () => document.querySelector("input.find")?.focus(),
  "?": () => document.querySelector("dialog.keys")?.showModal(),
};

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
  if (line) select(line);
});

function goToHash() {
  const line = /^#L\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (line) {
    select(line);
    line.scrollIntoView({ block: "center" });
  } else if (/^#L\d+$/.test(location.hash) && document.querySelector("main.long")) {
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

// The live view.
const news = document.querySelector("ol.news");
if (news) follow();

function follow() {
  const button = document.querySelector("button.pause");
  const status = document.querySelector(".status");
  let source = null;
  let paused = false;
  const connect = () => {
    if (source) source.close();
    source = null;
    if (paused || document.hidden) return;
    source = new EventSource(news.dataset.events);
    source.addEventListener("story", (event) => show(JSON.parse(event.data)));
    source.addEventListener("looked", (event) => { status.textContent = "looked at " + JSON.parse(event.data); });
    source.addEventListener("trouble", (event) => { status.textContent = JSON.parse(event.data); });
    source.onerror = () => { status.textContent = "no connection; trying again"; };
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "resume" : "pause";
    status.textContent = paused ? "paused" : "connecting…";
    connect();
  });
  document.addEventListener("visibilitychange", connect); // nobody looks: the store is left alone
  connect();
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function show(story) {
  let item = [...news.children].find((other) => other.dataset.story === story.link);
  if (!item) {
    item = make("li", "", "");
    item.dataset.story = story.link;
    item.append(make("div", "head", ""), make("ol", "grown", ""));
    news.prepend(item);
    while (news.children.length > 200) news.lastElementChild.remove();
  }
  const title = make("a", "", story.title || "(no title)");
  title.href = story.link;
  const head = item.querySelector(".head");
  head.replaceChildren(
    make("span", "", new Date(story.start).toLocaleTimeString() + "  " + story.key + "  "), title,
    make("span", "level " + story.level.toLowerCase(), "  " + story.level),
    make("span", story.open ? "unfinished" : "", "  " + story.line_count + " lines, " + story.state_text));
  const grown = item.querySelector(".grown");
  for (const line of story.lines || []) {
    if (document.getElementById("tail" + story.id + line.number)) continue;
    const row = make("li", "d" + line.depth + " " + line.level, "");
    row.id = "tail" + story.id + line.number;
    row.append(make("span", "r", line.text));
    grown.append(row);
  }
}
