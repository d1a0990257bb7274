// Checks the pages of a running viewer that shows the stories of the demo:
//   node check.js http://localhost:7133/
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const base = process.argv[2];
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

const checks = {
  async "no page breaks a rule of axe, in light and dark"() {
    for (const colorScheme of ["light", "dark"]) {
      for (const address of ["", "object?key=user_42", story, story + "&q=filter", "diff?key=user_42", "tail", "story?key=no_1"]) {
        const page = await open(address, { colorScheme, bypassCSP: true });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        assert.deepEqual(violations.map((v) => v.id + " " + v.nodes[0].html), [], `${address} in ${colorScheme}`);
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
  async "a permalink unfolds what its line stands in"() {
    assert.equal(await (await open(story + "#L3")).isVisible("#L3"), true);
  },
  async "a filter shows what it finds with its callers"() {
    const page = await open(story);
    await page.fill("input.find", "hamstring or so");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".filtered");
    assert.equal(await page.locator("li[id^=L]").count(), 0);
    await page.goto(base + story + "&q=No+exercises");
    assert.deepEqual(await page.locator("li[id^=L]").evaluateAll((lines) => lines.map((l) => l.id)), ["L1", "L12", "L14"]);
  },
  async "the difference names what is new, gone and changed"() {
    const page = await open("diff?key=user_42");
    assert.match(await page.textContent(".verdict"), /2 new, 1 gone, 6 changed/);
  },
  async "the live view shows stories, and pauses"() {
    const page = await open("tail");
    await page.waitForSelector("ol.news > li");
    await page.click("button.pause");
    assert.equal(await page.textContent(".status"), "paused");
    assert.deepEqual(page.trouble, []);
  },
  async "without JavaScript branches fold all the same"() {
    const page = await open(story, { javaScriptEnabled: false });
    assert.equal(await page.isVisible("#L3"), false);
    await page.click("#L2 summary");
    assert.equal(await page.isVisible("#L3"), true);
    assert.equal(await page.isVisible("button.copy"), false);
  },
  async "a story of 100,000 lines opens, unfolds and finds its error"() {
    const page = await open("story?key=job_nested");
    assert.equal(await page.isVisible("#L50001"), true);
    assert.equal(await page.locator("#L9").count(), 0);
    await page.click("#L8 a.f");
    await page.waitForSelector("#L9");
    await page.goto(base + "story?key=job_nested#L99999");
    await page.waitForSelector("#L99999.current");
    await page.goto(base + "story?key=job_flat");
    assert.equal(await page.locator("li[id^=L]").count(), 100000);
    await page.keyboard.press("e");
    await page.waitForSelector("#L50001.current");
    assert.equal(await page.evaluate(() => document.querySelector("#L50001").getBoundingClientRect().top < innerHeight), true);
    assert.deepEqual(page.trouble, []);
  },
  async "a narrow screen has nothing to scroll sideways"() {
    const page = await open(story, { viewport: { width: 360, height: 640 } });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
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
