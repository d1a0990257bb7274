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

const checks = {
  async "no page breaks a rule of axe, in light, dark and narrow"() {
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 360, height: 640 } }]) {
      const problem = await firstProblem();
      for (const address of ["", "?q=since:-7d", "?q=level:warm", "?kind=none", problem, "object?key=order_7", "object?key=order_7&view=thread", "story?key=order_7", "story?key=order_7&lanes=time", "story?key=order_9", "story?key=user_hostile",
        story, story + "&q=filter", "diff?key=order_7", "diff?key=order_7&all=1", "tail", "story?key=no_1"]) {
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
    assert.match(page.url(), /toggled=12/);
    await page.reload();
    assert.equal(await page.isVisible("#L14"), false);
    await page.keyboard.press("j");
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
    const ids = await page.locator("li[id^=L]").evaluateAll((lines) => lines.map((line) => line.id));
    for (const id of ids) {
      await page.keyboard.press("j");
      assert.equal(await page.evaluate(() => document.querySelector(".current").id), id);
    }
  },
  async "by time the lanes stand in one list, and keys go through it"() {
    const page = await open("story?key=order_7&fold=none");
    assert.match(await page.textContent("#lane1"), /^mail\.\(\*Sender\)\.run lane 1: 2 lines, begins after line \d+: /);
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
          text.selectNode(row.querySelector(".t").nextSibling);
          return row.querySelector(".t").getBoundingClientRect().right > text.getClientRects()[0].left + 1;
        }).map((row) => row.textContent));
        assert.deepEqual(covered, [], query);
        await page.context().close();
      }
    }
  },
  async "loops whose turns differ in length merge, and unfold"() {
    const page = await open("story?key=order_7");
    assert.match(await page.textContent("#L6 > details > summary"), /Reserving item 1 ×3/);
    assert.equal(await page.isVisible("#L9"), false);
    await page.click(".again summary");
    assert.equal(await page.isVisible("#L9"), true);
  },
  async "a long value is cut, and is seen whole, its lines too"() {
    const page = await open("story?key=order_7");
    const line = page.locator("li.error");
    assert.match(await line.textContent(), /all \d+ bytes/);
    await line.locator("a.more").last().click();
    await page.waitForURL(/full=/);
    assert.match(await page.locator("li.error .block").last().textContent(), /^main.pay\n\tpay.go:41\n/);
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
  async "a permalink unfolds what its line stands in"() {
    assert.equal(await (await open(story + "#L3")).isVisible("#L3"), true);
  },
  async "a filter shows what it finds with its callers"() {
    const page = await open(story);
    await page.fill("input.find", "hamstring or so");
    await page.keyboard.press("Enter");
    await arrived(page, ".filtered");
    assert.equal(await page.locator("li[id^=L]").count(), 0);
    await page.goto(base + story + "&q=No+exercises");
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
    await page.click("button.copy");
    await page.waitForSelector("text=copied");
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /POST \/orders[^]*Creating the order[^]*INSERT INTO/);
    assert.doesNotMatch(text, /Reserving/);
  },
  async "without JavaScript branches fold all the same"() {
    const page = await open(story, { javaScriptEnabled: false });
    assert.equal(await page.isVisible("#L3"), false);
    await page.click("#L2 summary");
    assert.equal(await page.isVisible("#L3"), true);
    assert.equal(await page.isVisible("button.copy"), false);
    await page.fill("input.find", "No exercises");
    await page.click("button:text('filter')");
    await arrived(page, ".filtered");
    assert.equal(await page.locator("li.hit").count(), 1);
    await page.click("a:text('unfold all')");
    await page.waitForURL(/fold=none/);
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
    for (const address of [story, "", "?q=since:-7d", "?q=since:-30d", await firstProblem(), "object?key=order_7", "object?key=order_7&view=thread", "story?key=user_hostile", "diff?key=order_7", "tail", "story?key=no_1"]) {
      const page = await open(address, { viewport: { width: 360, height: 640 } });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, address);
      await page.context().close();
    }
    const page = await open(story, { viewport: { width: 360, height: 640 } });
    assert.equal(await page.locator(".tools:visible").count(), 0);
    assert.equal(await page.evaluate(() => document.querySelector("#L1").getBoundingClientRect().top < innerHeight / 2), true);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.name), "q");
  },
  async "paper gets the lines and the facts, and none of the tools"() {
    const page = await open(story);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.isVisible("#L14"), true);
    assert.equal(await page.locator(".facts:visible").count(), 2);
    assert.equal(await page.isVisible(".bar"), false);
    assert.equal(await page.isVisible("nav"), false);
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
