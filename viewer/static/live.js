// The live view: news are shown as they come, the open stories above those that have ended.

const events = document.getElementById("main").dataset.events;
const opened = document.querySelector(".news.open");
const ended = document.querySelector(".news.ended");
const most = 200; // stories that are shown
const mostLines = 8; // of a story

if (events) follow();

function follow() {
  const button = document.querySelector("button.pause");
  const status = document.querySelector(".status");
  let source = null;
  let paused = false;
  let seen = ""; // what came until then is shown
  let looked = 0; // when
  let trouble = "";
  const connect = () => {
    if (source) source.close();
    source = null;
    if (paused || document.hidden) return;
    const address = new URL(events, location.href);
    if (seen) address.searchParams.set("after", seen);
    source = new EventSource(address);
    source.addEventListener("story", (event) => show(JSON.parse(event.data)));
    source.addEventListener("looked", (event) => {
      const what = JSON.parse(event.data);
      seen = what.seen;
      looked = Date.now();
      trouble = what.behind ? "more stories came than are shown" : "";
      tick();
    });
    source.addEventListener("trouble", (event) => {
      trouble = JSON.parse(event.data);
      tick();
    });
    source.onerror = () => {
      trouble = "no connection; trying again";
      tick();
    };
  };
  const tick = () => {
    if (paused) status.textContent = "paused";
    else if (looked) status.textContent = "live · looked " + ago(Date.now() - looked) + (trouble && " · " + trouble);
    else status.textContent = trouble || "connecting…";
    for (const item of opened.children) age(item);
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "resume" : "pause";
    connect();
    tick();
  });
  document.addEventListener("visibilitychange", connect); // nobody looks: the store is left alone
  setInterval(tick, 1000);
  connect();
}

function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 2 ? "now" : duration(seconds) + " ago";
}

function duration(seconds) {
  if (seconds < 120) return seconds + " s";
  return seconds < 7200 ? Math.floor(seconds / 60) + " min" : Math.floor(seconds / 3600) + " h";
}

// age says how old an open story is, and for how long nothing has come.
function age(item) {
  const now = Date.now();
  const silence = Math.round((now - item.dataset.updated) / 1000);
  const size = item.querySelector(".size");
  size.textContent = item.dataset.lines + ", " + duration(Math.max(0, Math.round((now - item.dataset.start) / 1000)));
  if (silence < 10) return;
  size.append(", ", make("span", "silent", "silent for " + duration(silence)));
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function link(text, to) {
  return Object.assign(make("a", "", text), { href: to });
}

function show(story) {
  let item = document.getElementById("story" + story.link);
  if (!item) {
    item = make("li", "", "");
    item.id = "story" + story.link;
    item.append(make("div", "head", ""), make("ol", "grown", ""));
  }
  const list = story.open ? opened : ended;
  if (item.parentElement !== list) list.prepend(item);
  while (list.children.length > most) list.lastElementChild.remove();
  const worse = (story.class === "warn" || story.class === "error") && item.className !== story.class;
  item.className = story.class;
  item.dataset.start = Date.parse(story.start);
  item.dataset.updated = Date.parse(story.updated);
  item.dataset.lines = story.line_count + (story.line_count === 1 ? " line" : " lines");
  const title = make("span", "story", "");
  title.append(link(story.title || "(no title)", story.link));
  if (story.cause) title.append(" ", make("span", "cause", story.cause));
  const size = make("span", "size", item.dataset.lines + ", " + story.took + (story.unfinished && !story.open ? ", " + story.state_text : ""));
  item.firstElementChild.replaceChildren(make("time", "", story.when), link(story.key, story.object), title, size);
  if (story.open) age(item);
  grow(item.lastElementChild, story);
  if (worse && story.class === "error") {
    document.querySelector(".announced").textContent = story.key + ": " + (story.cause || story.title);
  }
}

// grow adds lines, of which the last few stay.
function grow(grown, story) {
  for (const line of story.lines || []) {
    const id = "tail" + story.id + line.number;
    if (document.getElementById(id) || line.number <= Number(grown.dataset.until)) continue;
    const row = make("li", "d" + line.depth + " " + line.level, "");
    row.id = id;
    row.append(make("span", "r", line.text));
    grown.append(row);
    grown.dataset.until = line.number;
  }
  grown.querySelector(".left")?.remove();
  while (grown.children.length > mostLines) grown.firstElementChild.remove();
  const left = Number(grown.firstElementChild?.id.slice(("tail" + story.id).length)) - 1;
  if (left > 0) grown.prepend(make("li", "left", "… " + left + (left === 1 ? " line" : " lines") + " before"));
}
