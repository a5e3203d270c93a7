// Audit pages of a served app with Lighthouse, signed in. From standard input: {origin, key, form, paths, chromium,
// flags}; form is "desktop" or "mobile" (a slow phone on slow 4G, simulated). One line of JSON a page comes out.
// Each page begins in a fresh profile: nothing of it is cached, no service worker is there.
import { readFileSync } from "node:fs";

import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const { origin, key, form, paths, chromium, flags } = JSON.parse(readFileSync(0, "utf8"));
const CATEGORIES = ["performance", "accessibility", "best-practices"];

/** What an audit found, as short as it can be told. */
function told(audit) {
  const items = audit.details?.items ?? [];
  const where = items.slice(0, 5).map((item) => item.node?.snippet ?? item.url ?? item.description ?? item.source ?? "").filter(Boolean);
  return { id: audit.id, title: audit.title, score: audit.score, shown: audit.displayValue ?? "", where };
}

const browser = await puppeteer.launch({ executablePath: chromium, args: flags, headless: true });
try {
  for (const path of paths) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.evaluateOnNewDocument((secret) => localStorage.setItem("camel-ext.key", secret), key);
    const result = await lighthouse(origin + path, { onlyCategories: CATEGORIES, logLevel: "error" }, form === "desktop" ? desktopConfig : undefined, page);
    const { categories, audits } = result.lhr;
    const scores = Object.fromEntries(CATEGORIES.map((name) => [name, Math.round((categories[name].score ?? 0) * 100)]));
    const weighty = CATEGORIES.flatMap((name) => categories[name].auditRefs.filter((ref) => ref.weight > 0).map((ref) => ref.id));
    const failed = weighty.map((id) => audits[id]).filter((audit) => audit.score !== null && audit.score < 1).map(told);
    console.log(JSON.stringify({ path, scores, failed, shown: result.lhr.finalDisplayedUrl, warnings: result.lhr.runWarnings }));
    await context.close();
  }
} finally {
  await browser.close();
}
