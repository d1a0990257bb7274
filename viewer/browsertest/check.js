// Checks the pages of a running viewer that shows the stories of the demo and those
// of ./stories:
//   node check.js http://localhost:7133/ PROGRAM-STORIES FILE
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [base, program, file] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const story = "story?key=user_42";
const trace = "object?key=trace_0af7651916cd43dd8448eb211c80319c";
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function open(address, options = {}) {
  const page = await (await browser.newContext(options)).newPage();
  page.trouble = [];
  page.on("console", (message) => message.type() === "error" && page.trouble.push(message.text()));
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  await page.goto(base + address);
  return page;
}

// arrived waits for a page that shows something, and for its script.
async function arrived(page, shows) {
  await page.waitForSelector(shows);
  await page.waitForLoadState();
}

// firstProblem returns the address of the page of a problem.
async function firstProblem() {
  const page = await open("?q=since:-30d");
  const address = await page.getAttribute(".fails td.title a[href^=problem]", "href");
  await page.context().close();
  return address;
}

// bad is a story of order_7 that failed.
const bad = await (async () => {
  const page = await open("object?key=order_7&q=level:error");
  return (await page.locator("tr.row.error .title a").first().getAttribute("href")).replaceAll("&amp;", "&");
})();

const checks = {
  async "no page breaks a rule of axe, in light, dark and narrow"() {
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 360, height: 640 } }]) {
      const problem = await firstProblem();
      for (const address of ["", "?q=since:-7d", "?q=level:warm", "?kind=none", problem, "object?key=order_7", "object?key=order_7&view=thread", "story?key=order_7", "story?key=order_7&lanes=time", "story?key=order_9", "story?key=user_hostile",
        story, story + "&q=filter", "story?key=job_fan", "story?key=job_fan&q=level:error", "story?key=user_44", "story?key=charge_93&fold=none", trace, trace + "&view=list", "trace?id=1", "story?key=order_9&q=level:loud", "diff?key=order_7", "diff?key=order_7&all=1", "tail", "story?key=no_1"]) {
        const page = await open(address, { ...options, bypassCSP: true });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        assert.deepEqual(violations.map((v) => v.id + " " + v.nodes[0].html), [], `${address} with ${JSON.stringify(options)}`);
        await page.context().close();
      }
    }
  },
  async "keys go to the warning, to its caller, and fold; the address keeps it"() {
    const page = await open(story);
    const current = () => page.evaluate(() => document.querySelector(".current").id);
    await page.keyboard.press("w");
    assert.equal(await current(), "L14");
    await page.keyboard.press("p");
    assert.equal(await current(), "L12");
    await page.keyboard.press("o");
    assert.match(await page.evaluate(() => location.search), /toggled=12/);
    await page.reload();
    assert.equal(await page.isVisible("#L14"), false);
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    assert.equal(await current(), "L2");
    await page.keyboard.press("]");
    assert.equal(await page.isVisible("#L3"), true);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.name), "q");
    assert.deepEqual(page.trouble, []);
  },
  async "keys go through a list, and open a story"() {
    const page = await open("object?key=order_7");
    await page.keyboard.press("E");
    await page.keyboard.press("k");
    assert.equal(await page.locator(".current .why").count(), 0);
    await page.keyboard.press("e");
    assert.equal(await page.textContent(".current .why b"), "ERROR");
    await page.keyboard.press("o");
    await arrived(page, "body.story li.error");
    await page.keyboard.press("?");
    assert.equal(await page.isVisible("dialog.keys"), true);
    assert.deepEqual(page.trouble, []);
  },
  async "the first page works without JavaScript: from what fails to a story, and to a time and back"() {
    const page = await open("?q=since:-30d", { javaScriptEnabled: false });
    await page.click(".fails td.title a[href^=problem]");
    await arrived(page, "body.problem .stories tr.row.error");
    await page.click(".stories tr.row .count.lines", { force: true }); // the whole row is its link
    await arrived(page, "body.story");
    await page.goto(base);
    await page.click(".times a:text('yesterday')");
    await page.waitForURL(/yesterday/);
    assert.equal(await page.inputValue("input.find"), "since:yesterday until:today");
    await page.click(".times a:text('any time')");
    await arrived(page, ".stories tr.row");
    await page.fill("input.find", "level:warm");
    await page.click("button:text-is('search')");
    await arrived(page, ".wrong mark");
    assert.equal(await page.inputValue("input.find"), "level:warm");
    assert.equal(await page.getAttribute("input.find", "aria-invalid"), "true");
  },
  async "a row with its cause is at most 56 px high on a phone, and its object has a link of its own"() {
    const page = await open("", { viewport: { width: 390, height: 844 } });
    const heights = await page.locator(".stories tr.row").evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height));
    assert.ok(heights.length > 5 && Math.max(...heights) <= 56, String(heights));
    assert.equal(await page.isVisible(".stories tr.row.error .why"), true);
    const key = await page.textContent(".stories td.object a >> nth=0");
    await page.click(".stories td.object a >> nth=0");
    await page.waitForURL(/object/);
    assert.equal(await page.textContent("h1"), key);
  },
  async "a bar of a minute leads to its stories"() {
    const page = await open("?q=since:-30d");
    const bar = page.locator(".histogram a").last();
    const text = await bar.locator("title").textContent();
    await bar.click({ force: true, position: { x: 1, y: 1 } });
    await page.waitForURL(/since.*until/);
    assert.equal(await page.locator(".stories tr.row").count(), Math.min(Number(/: (\d+) stor/.exec(text)[1]), 50));
    assert.deepEqual(page.trouble, []);
  },
  async "a thread unfolds in place, and keys go through it"() {
    const page = await open("object?key=order_7&view=thread");
    await page.keyboard.press("j");
    const first = page.locator("li.told").first();
    assert.equal(await first.evaluate((item) => item.classList.contains("current")), true);
    const unfolded = () => first.evaluate((item) => item.querySelector("details").open);
    const before = await unfolded();
    await page.keyboard.press("o");
    assert.equal(await unfolded(), !before);
    await first.locator("summary").click();
    assert.equal(await unfolded(), before);
    await page.keyboard.press("E");
    assert.equal(await page.locator("li.told.error.current").count(), 1);
    assert.deepEqual(page.trouble, []);
  },
  async "a story that was read looks read"() {
    const page = await open("");
    const colour = () => page.locator(".stories td.title a").first().evaluate((link) => link.matches(":visited") || getComputedStyle(link).color);
    assert.notEqual(await colour(), "");
    const rules = await page.evaluate(() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.selectorText || "").filter((text) => /title.*:visited/.test(text)));
    assert.equal(rules.length, 1); // what a script sees of it is no more, for the sake of privacy
  },
  async "an address is that of the story it shows, and keeps what was asked for"() {
    const page = await open(story + "&times=step#L3");
    assert.match(page.url(), /id=\d{4}-.*times=step.*#L3$/);
  },
  async "keys go through lanes in the order of the page"() {
    const page = await open("story?key=order_7&fold=none&repeats=each");
    const ids = await page.locator("li[id]:visible").evaluateAll((lines) => lines.map((line) => line.id));
    for (const id of ids) {
      await page.keyboard.press("j");
      assert.equal(await page.evaluate(() => document.querySelector(".current").id), id);
    }
  },
  async "by time the lanes stand in one list, and keys go through it"() {
    const page = await open("story?key=order_7&fold=none");
    assert.match(await page.textContent("li:has(> details > summary > .fork)"), /Sending the receipt.*mail\.\(\*Sender\)\.run, lane 1/);
    await page.keyboard.press("l");
    await page.waitForURL(/lanes=time/);
    const ids = await page.locator("li[id^=L]").evaluateAll((lines) => lines.map((line) => line.id));
    assert.deepEqual(ids, ids.map((_, i) => "L" + (i + 1)));
    assert.deepEqual(await page.locator(".l").allTextContents(), ["0 ", "1 mail.(*Sender).run ", "0 "]);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("p");
    assert.equal(await page.evaluate(() => document.querySelector(".current").id), "L1");
    await page.goto(page.url().replace("fold=none", "fold=0") + "#L3"); // in a branch that is left out
    await page.waitForURL(/at=3/);
    assert.equal(await page.isVisible("#L3"), true);
    assert.deepEqual(page.trouble, []);
  },
  async "no time of a line covers its text"() {
    for (const viewport of [{ width: 1200, height: 800 }, { width: 360, height: 640 }]) {
      for (const query of ["", "&times=clock", "&lanes=time", "&lanes=time&times=clock"]) {
        const page = await open("story?key=order_7&fold=none" + query, { viewport });
        const covered = await page.locator(".r:has(> .t)").evaluateAll((rows) => rows.filter((row) => {
          const text = document.createRange();
          const before = [...row.children].filter((element) => element.matches(".t, .d, .w")).pop();
          text.selectNode(before.nextSibling);
          const [time, first] = [row.querySelector(".t").getBoundingClientRect(), text.getClientRects()[0]];
          return time.right > first.left + 1 && time.bottom > first.top + 4;
        }).map((row) => row.textContent));
        assert.deepEqual(covered, [], query);
        await page.context().close();
      }
    }
  },
  async "loops whose turns differ in length merge, and unfold"() {
    const page = await open("story?key=order_7");
    assert.match(await page.textContent("#R6 > details > summary"), /Reserving item 1 ×3 30 ms in all, 10 ms each/);
    assert.equal(await page.isVisible("#L9"), false);
    await page.click("#R6 > details > summary");
    assert.equal(await page.isVisible("#L9"), true);
    await page.reload();
    assert.equal(await page.isVisible("#L9"), true);
  },
  async "long values are folded, several are whole at once, and the address keeps it"() {
    const page = await open(bad);
    const values = page.locator("li.error details.v");
    assert.match(await values.first().textContent(), /body=insufficient funds.*400 bytes/);
    await values.nth(0).locator("summary").click();
    await values.nth(1).locator("summary").click();
    assert.match(await values.nth(1).locator("pre").textContent(), /^main.pay\n\tpay.go:41\n/);
    await page.reload();
    assert.deepEqual(await values.evaluateAll((all) => all.map((value) => value.open)), [true, true]);
    await page.goto(base + "story?key=user_hostile&fold=none");
    await page.click("#L4 a.more >> nth=0");
    await page.waitForURL(/full=4/);
    assert.equal((await page.textContent("#L4")).includes("y".repeat(1 << 20)), true);
  },
  async "marking text folds nothing"() {
    const page = await open(bad);
    const box = await page.locator("#L4 > details > summary").boundingBox();
    await page.mouse.move(box.x + 200, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + 320, box.y + 10, { steps: 5 });
    await page.mouse.up();
    assert.notEqual(await page.evaluate(() => getSelection().toString().trim()), "");
    assert.equal(await page.evaluate(() => document.querySelector("#L4 > details").open), true);
    assert.doesNotMatch(await page.evaluate(() => location.search), /toggled/); // page.url() comes late
    await page.mouse.click(box.x + 700, box.y + 10); // beside what is marked
    assert.match(await page.evaluate(() => location.search), /toggled=4/);
  },
  async "keys reach rows of repeats and of lanes, and unfold them"() {
    const page = await open("story?key=order_7");
    for (let i = 0; i < 40 && await page.evaluate(() => document.querySelector(".current")?.id) !== "R6"; i++) await page.keyboard.press("j");
    await page.keyboard.press("o");
    assert.equal(await page.isVisible("#L9"), true);
    assert.match(await page.evaluate(() => location.search), /open=6/);
    await page.goto(base + "story?key=job_fan");
    const row = page.locator("li.lane-row").first();
    assert.match(await row.textContent(), /×199/);
    for (let i = 0; i < 40 && !await row.evaluate((element) => element.matches(".current")); i++) await page.keyboard.press("j");
    await page.keyboard.press("o");
    assert.equal(await page.isVisible("#L3"), true);
  },
  async "Esc leaves a field"() {
    const page = await open(story);
    await page.keyboard.press("/");
    await page.keyboard.type("jj");
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    assert.equal(await page.inputValue("input.find"), "jj");
    assert.equal(await page.evaluate(() => document.querySelector(".current").id), "L1");
  },
  async "what is folded survives every link of the page, and the filter"() {
    const page = await open(bad);
    await page.click("#L4 > details > summary", { position: { x: 300, y: 8 } });
    await page.click("#R6 > details > summary").catch(() => {});
    assert.match(await page.evaluate(() => location.search), /toggled=4/);
    await page.click(".view > summary");
    await page.click("a:text('since the line before')");
    await page.waitForURL(/times=step/);
    assert.match(page.url(), /toggled=4/);
    assert.equal(await page.evaluate(() => document.querySelector("#L4 > details").open), false);
    await page.click("#L4 > details > summary", { position: { x: 300, y: 8 } });
    await page.click("#L2 > details > summary", { position: { x: 300, y: 8 } });
    await page.fill("input.find", "level:error");
    await page.keyboard.press("Enter");
    await arrived(page, ".filtered");
    await page.click("a:text('Show all')");
    await page.waitForURL((url) => !url.searchParams.get("q"));
    assert.match(page.url(), /toggled=2(&|$)/);
    assert.match(page.url(), /times=step/);
  },
  async "errors that are folded away in a long story are reached by keys"() {
    const page = await open("story?key=job_nested&fold=0");
    assert.equal(await page.locator("#L50001").count(), 0);
    await page.keyboard.press("e");
    await page.waitForSelector("#L50001.current");
  },
  async "Back returns to the row that was left"() {
    const page = await open("object?key=order_7");
    await page.keyboard.press("e");
    const row = await page.evaluate(() => document.querySelector("tr.current").textContent);
    await page.keyboard.press("o");
    await arrived(page, "body.story li.error");
    await page.goBack();
    await page.waitForSelector("tr.current");
    assert.equal(await page.evaluate(() => document.querySelector("tr.current").textContent), row);
  },
  async "line numbers are whole or absent, and the cause is on the first screen"() {
    for (const width of [390, 700, 1200]) {
      const page = await open("story?key=job_nested#L50001", { viewport: { width, height: 844 } });
      await page.waitForSelector("#L50001");
      const cut = await page.locator(".n:visible").evaluateAll((all) => all.slice(0, 200).filter((n) => n.scrollWidth > n.clientWidth + 1).map((n) => n.textContent));
      assert.deepEqual(cut, []);
      await page.context().close();
    }
    const page = await open(bad, { viewport: { width: 390, height: 844 } });
    const box = await page.locator(".card a.bad").boundingBox();
    assert.equal(box.y + box.height < 844, true);
  },
  async "a filter speaks the search language, marks what it finds, and n and N go through it"() {
    const page = await open("story?key=job_fan&q=level:error");
    assert.deepEqual(await page.locator("li.hit").evaluateAll((lines) => lines.map((line) => line.id)), ["L539"]);
    await page.goto(base + story + "&q=exercises");
    assert.equal(await page.locator("mark").count() > 1, true);
    const hits = await page.locator("li.hit").evaluateAll((lines) => lines.map((line) => line.id));
    for (const id of hits) {
      await page.keyboard.press("n");
      assert.equal(await page.evaluate(() => document.querySelector(".current").id), id);
    }
    await page.keyboard.press("N");
    assert.equal(await page.evaluate(() => document.querySelector(".current").id), hits.at(-2));
    const wrong = await page.goto(base + story + "&q=level:loud");
    assert.equal(wrong.status(), 400);
    assert.match(await page.textContent("#wrong"), /no such level/);
    assert.equal(await page.isVisible("#L1"), true);
  },
  async "two hundred goroutines with one failure fit on a screen"() {
    const page = await open("story?key=job_fan", { viewport: { width: 1440, height: 900 } });
    const box = await page.locator("#L604").boundingBox();
    assert.equal(box.y + box.height < 900, true);
    assert.equal(await page.isVisible("#L539"), true);
  },
  async "the header, the heads and the callers of the first line seen stick"() {
    const page = await open("story?key=job_fan&fold=none&repeats=each", { viewport: { width: 1200, height: 500 } });
    await page.mouse.wheel(0, 3000);
    await page.waitForFunction(() => scrollY > 2000);
    const tops = await page.evaluate(() => [".top", ".heads", "#L1 > details > summary"].map((selector) => Math.round(document.querySelector(selector).getBoundingClientRect().top)));
    assert.equal(tops[0] === 0 && tops[1] > 50 && tops[2] > tops[1] && tops[2] < 120, true, String(tops));
  },
  async "the number of a line stands beside its time"() {
    const page = await open(bad);
    const apart = await page.locator(".lane li[id^=L]:visible").evaluateAll((lines) => lines.map((line) => {
      const middle = (element) => { const text = document.createRange(); text.selectNodeContents(element); const box = text.getBoundingClientRect(); return (box.top + box.bottom) / 2; };
      return Math.abs(middle(line.querySelector(":scope > .n")) - middle(line.querySelector(".t")));
    }).filter((distance) => distance > 1));
    assert.deepEqual(apart, []);
  },
  async "keys go through silences, to the ends, to other stories and up"() {
    const page = await open("story?key=order_7");
    const current = () => page.evaluate(() => document.querySelector(".current").id);
    await page.keyboard.press("G");
    assert.match(await page.textContent(".current"), /20[0-9] Created|402/);
    await page.keyboard.press("g");
    assert.equal(await current(), "L1");
    const id = page.url();
    await page.keyboard.press("K");
    await page.waitForURL((url) => String(url).split("#")[0] !== id);
    await page.keyboard.press("J");
    await page.waitForURL((url) => String(url).split("#")[0] === id);
    await page.keyboard.press("t");
    await page.waitForURL(/times=step/);
    await page.keyboard.press("u");
    await page.waitForURL(/object\?key=order_7/);
  },
  async "? shows the keys on every page"() {
    for (const address of ["", "object?key=order_7", story, "diff?key=order_7", "tail", "story?key=no_1"]) {
      const page = await open(address);
      await page.keyboard.press("?");
      assert.equal(await page.isVisible("dialog.keys"), true, address);
      await page.context().close();
    }
  },
  async "a hostile story is text, whatever is asked of it"() {
    for (const address of ["story?key=user_hostile", "object?key=user_hostile&view=thread", "?q=since:-30d", "story?key=user_hostile&full=4", "story?key=user_hostile&q=script", "object?key=user_hostile", "", "tail"]) {
      const page = await open(address);
      if (address === "tail") await page.waitForSelector("ol.news > li");
      assert.doesNotMatch(await page.title(), /^harm/);
      assert.equal(await page.locator("h1 script, main script, main img, main b:not([class]), main h1").count(), 0);
      assert.equal(await page.locator("a[href^=javascript]").count(), 0);
      assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /[\u0000\u001b\u0085\u202e\u2066]/);
      assert.deepEqual(page.trouble, []);
      await page.context().close();
    }
  },
  async "a story that was called stands folded under its line, and leads to its own page and to the trace"() {
    const page = await open("story?key=user_44", { javaScriptEnabled: false });
    const called = page.locator("li.call", { hasText: "charge_93" });
    assert.equal(await called.locator("text=inserted receipt").isVisible(), false);
    await called.locator("summary").click({ position: { x: 400, y: 10 } });
    assert.equal(await called.locator("text=inserted receipt").isVisible(), true);
    assert.equal(await page.locator("main script, main img, li.call b:not([class]), li.call h1").count(), 0);
    await called.locator("a.n").click();
    await arrived(page, "li.call.error");
    await page.click("a.chip:text('called by')");
    await arrived(page, "section.thread");
    const names = await page.locator(".thread .name").allTextContents();
    assert.deepEqual(names.map((name) => /(user|item|charge|mail|receipt)_/.exec(name)[1]), ["user", "item", "charge", "mail", "receipt"]);
  },
  async "a permalink unfolds what its line stands in"() {
    assert.equal(await (await open(story + "#L3")).isVisible("#L3"), true);
  },
  async "a filter shows what it finds with its callers"() {
    const page = await open(story);
    await page.fill("input.find", "hamstring or so");
    await page.keyboard.press("Enter");
    await arrived(page, ".filtered");
    assert.equal(await page.locator("li[id^=L]").count(), 0);
    await page.goto(base + story + "&q=%22No+exercises%22");
    assert.deepEqual(await page.locator("li[id^=L]").evaluateAll((lines) => lines.map((l) => l.id)), ["L1", "L12", "L14"]);
  },
  async "the difference names what is new, gone and changed"() {
    const page = await open("diff?key=user_42");
    assert.match(await page.textContent(".verdict"), /2 new, 1 gone, 6 changed/);
  },
  async "any two stories of an object are compared"() {
    const page = await open("object?key=order_7");
    await page.locator("input[name=was]").nth(5).check();
    await page.locator("input[name=is]").nth(5).check();
    await page.click("button:text('compare')");
    await arrived(page, "body.failure");
    await page.goBack();
    await page.locator("input[name=is]").nth(0).check();
    await page.click("button:text('compare')");
    await arrived(page, "body.diff li.new");
    await page.keyboard.press("j");
    assert.equal(await page.locator(".change.current").count(), 1);
  },
  async "the live view shows stories, pauses, and then shows what came meanwhile and what grew"() {
    const page = await open("tail");
    await page.waitForSelector("ol.news > li");
    await page.click("button.pause");
    assert.equal(await page.textContent(".status"), "paused");
    execFileSync(program, [file, "more"]);
    assert.equal(await page.locator("text=user_new").count(), 0);
    await page.click("button.pause");
    await page.waitForSelector("text=user_new");
    await page.waitForSelector(".grown >> text=Still <b>waiting</b>", { timeout: 60_000 });
    assert.equal(await page.locator(".news.ended >> text=Still <b>waiting</b>").count(), 0); // it is open, and on top
    await page.waitForSelector(".news.open .silent");
    assert.equal(await page.locator(".news[aria-live]").count(), 0); // only errors are announced
    await page.keyboard.press("?");
    assert.equal(await page.isVisible("dialog.keys"), true);
    await page.keyboard.press("Escape");
    await page.fill("input.find", "level:warm");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#wrong");
    assert.equal(await page.inputValue("input.find"), "level:warm");
    assert.deepEqual(page.trouble.filter((text) => !/400/.test(text)), []);
  },
  async "a story is copied, whole and as a branch"() {
    const page = await open("story?key=order_7", { permissions: ["clipboard-read", "clipboard-write"] });
    await page.click("#L5 .n");
    await page.click(".view > summary");
    await page.click("button.copy");
    await page.waitForSelector("text=copied");
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /POST \/orders[^]*Creating the order[^]*INSERT INTO/);
    assert.doesNotMatch(text, /Reserving/);
    await page.keyboard.press("c");
    await page.waitForFunction(async () => /what a program logged/.test(await navigator.clipboard.readText()));
  },
  async "without JavaScript branches fold all the same"() {
    const page = await open(story, { javaScriptEnabled: false });
    assert.equal(await page.isVisible("#L3"), false);
    await page.click("#L2 summary");
    assert.equal(await page.isVisible("#L3"), true);
    assert.equal(await page.isVisible("button.copy"), false);
    await page.fill("input.find", '"No exercises"');
    await page.click("button:text('filter')");
    await arrived(page, ".filtered");
    assert.equal(await page.locator("li.hit").count(), 1);
    await page.click(".seg a:text('all')");
    await page.waitForURL(/fold=none/);
    await page.click(".view > summary");
    await page.click("a:text('the one before')");
    await page.waitForSelector("body.diff");
  },
  async "how long a story of 100,000 lines takes"() {
    for (const address of ["story?key=job_nested", "story?key=job_flat", "story?key=job_nested&fold=none"]) {
      const page = await open(address);
      const [server, seen, all] = await page.evaluate(() => [
        performance.getEntriesByType("navigation")[0].responseStart, performance.getEntriesByName("first-contentful-paint")[0].startTime, performance.now(),
      ].map(Math.round));
      const key = await page.evaluate(async () => {
        const before = performance.now();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        return Math.round(performance.now() - before);
      });
      console.log(`     ${address}: first byte after ${server} ms, first lines seen ${seen} ms, all there ${all} ms, a key takes ${key} ms`);
      await page.context().close();
    }
  },
  async "a story of 100,000 lines opens, unfolds and finds its error"() {
    const page = await open("story?key=job_nested");
    assert.equal(await page.isVisible("#L50001"), true);
    assert.equal(await page.locator("#L9").count(), 0);
    await page.click("#L8 a.f");
    await arrived(page, "#L9");
    await page.goto(base + "story?key=job_nested#L99999");
    await page.waitForSelector("#L99999.current");
    await page.goto(base + "story?key=job_flat");
    assert.equal(await page.locator("li[id^=L]").count(), 100000);
    await page.keyboard.press("e");
    await page.waitForSelector("#L50001.current");
    assert.equal(await page.evaluate(() => document.querySelector("#L50001").getBoundingClientRect().top < innerHeight), true);
    assert.deepEqual(page.trouble, []);
  },
  async "a narrow screen has nothing to scroll sideways, and the tools are out of the way"() {
    for (const address of [story, "", "?q=since:-7d", "?q=since:-30d", await firstProblem(), "object?key=order_7", "object?key=order_7&view=thread", "story?key=user_hostile", "story?key=user_44", trace, "diff?key=order_7", "tail", "story?key=no_1"]) {
      const page = await open(address, { viewport: { width: 360, height: 640 } });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, address);
      await page.context().close();
    }
    const page = await open(story, { viewport: { width: 360, height: 640 } });
    assert.equal(await page.locator(".tools:visible").count(), 0);
    assert.equal(await page.evaluate(() => document.querySelector("#L1").getBoundingClientRect().top < innerHeight), true);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.name), "q");
  },
  async "paper gets the lines and the facts, and none of the tools"() {
    const page = await open(story);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.isVisible("#L14"), true);
    assert.equal(await page.isVisible(".facts"), true);
    assert.equal(await page.isVisible(".bar"), false);
    assert.equal(await page.isVisible("nav a"), false);
    assert.equal(await page.locator(".n:visible").count(), 0); // they would stand over the times
    const failed = await open(bad);
    await failed.emulateMedia({ media: "print" });
    assert.equal(await failed.locator("li.error details.v pre").evaluateAll((all) => all.every((value) => value.checkVisibility({ contentVisibilityAuto: true }))), true);
    assert.equal(await failed.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log("ok   " + name);
  } catch (error) {
    failed++;
    console.log("FAIL " + name + "\n" + error.stack);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
