// Photographs the widget in many states, checks each with axe, and says what the browser complained about.
// node dev/shots.mjs [name ...]
import { mkdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const WIDE = { width: 1400, height: 900 };
const SHOTS = {
  light: {},
  dark: { scheme: "dark" },
  medium: { size: { width: 900, height: 900 } },
  notebook: { size: { width: 980, height: 900 }, query: "layer=stage2/block1/expand/conv&unit=3" },
  column: { size: { width: 740, height: 900 } },
  narrow: { size: { width: 480, height: 900 }, full: true },
  "narrow-dark": { size: { width: 480, height: 900 }, full: true, scheme: "dark" },
  units16: { query: "model=tiny&layer=conv1&pixels=28&tile=160&unit=3" },
  units512: { query: "layer=stage5/block2/expand/conv&units=512&tile=64" },
  units2000: { query: "model=long&layer=wide&tile=48&unit=77", scheme: "dark" },
  classes: { query: "layer=classifier&tile=128&unit=949" },
  long: { query: "model=long&layer=encoder/transformer_block_with_a_very_long_name/self_attention/query_projection" },
  empty: { query: "empty=1&phase=idle" },
  failed: { query: "phase=failed&error=ValueError: size is 8; the smallest picture is 16 pixels (128 is usual)." },
  done: { query: "share=2&phase=done&selection=3,4,5", scheme: "dark" },
  paused: { query: "share=0.2&phase=paused" },
  busy: { query: "answers=no&phase=idle&share=0", wait: 3800 },
  page: { query: "page=1&phase=paused&pixels=64&tile=128", wait: 3000 },
  "page-dark": { query: "page=1&phase=paused&pixels=64&tile=128", wait: 3000, scheme: "dark" },
  grid: { query: "kind=grid&layer=stage5/block2/add" },
  unit: { query: "kind=unit", size: { width: 800, height: 700 } },
  "unit-narrow": { query: "kind=unit", size: { width: 280, height: 700 } },
  bench: { query: "kind=bench&layer=logits&model=tiny&units=6&tile=192&measures=3&unit=3" },
  "bench-page": {
    query: "kind=bench&layer=logits&model=tiny&units=6&tile=160&measures=3&page=1",
    wait: 3000,
    scheme: "dark",
  },
  "bench-narrow": {
    query: "kind=bench&layer=logits&model=tiny&units=6&measures=3",
    size: { width: 480, height: 900 },
    full: true,
  },
  progress: { query: "kind=progress&layer=stage4/block2/add&units=24" },
};

const folder = new URL("./shots/", import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const { address, close } = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const chosen = process.argv.slice(2);
let failures = 0;
for (const [name, shot] of Object.entries(SHOTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const context = await browser.newContext({ viewport: shot.size ?? WIDE, colorScheme: shot.scheme ?? "light" });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("404")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`A name became markup: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${address}?${shot.query ?? ""}`);
  await page.waitForTimeout(shot.wait ?? 1500);
  await page.screenshot({ path: `${folder}${name}.png`, fullPage: shot.full ?? false });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run("#widget"));
  for (const { id, impact, nodes } of violations) {
    complaints.push(
      `axe, ${impact}: ${id}: ${nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 140))
        .join(" | ")}`,
    );
  }
  console.log(`${name}: ${complaints.length === 0 ? "fine" : complaints.join("\n  ")}`);
  failures += complaints.length;
  await context.close();
}
await browser.close();
close();
process.exit(failures === 0 ? 0 : 1);
