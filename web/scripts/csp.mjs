// After `next build`: what the server needs to serve out/ under a strict Content-Security-Policy.
// Writes out/csp.json (per page, the hashes of its inline scripts) and a .gz beside what compresses.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const INLINE = /<script\b(?![^>]*\ssrc\s*=)[^>]*>([\s\S]*?)<\/script\s*>/gi;
const COMPRESSED = new Set([".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest"]);
const WORTH_BYTES = 1024; // below, a gzip header eats what it saves

/** Return the CSP source of each inline script of a page, once. */
export function inlineHashes(html) {
  const hashes = [...html.matchAll(INLINE)].map(([, script]) => `sha256-${createHash("sha256").update(script).digest("base64")}`);
  return [...new Set(hashes)];
}

/** Write csp.json and the compressed files of an export. */
export function prepare(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  for (const file of files.filter((each) => each.endsWith(".gz"))) rmSync(file);
  const pages = {};
  for (const file of files.filter((each) => !each.endsWith(".gz")).sort()) {
    const bytes = readFileSync(file);
    const extension = path.extname(file);
    if (extension === ".html") pages[path.relative(folder, file).split(path.sep).join("/")] = inlineHashes(bytes.toString());
    if (COMPRESSED.has(extension) && bytes.length >= WORTH_BYTES) writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
  writeFileSync(path.join(folder, "csp.json"), `${JSON.stringify(pages, null, 1)}\n`); // last: where it stands, the export is whole
  return pages;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2] ?? path.join(import.meta.dirname, "..", "out");
  const pages = prepare(folder);
  console.log(`${Object.keys(pages).length} pages of ${path.relative(process.cwd(), folder) || folder} have their policy`);
}
