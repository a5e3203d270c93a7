// After `next build`: write into out/sw.js what this version consists of, so that a browser notices a new one.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const out = process.argv[2] ?? path.join(import.meta.dirname, "..", "out");
const files = readdirSync(out, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(out, path.join(entry.parentPath ?? entry.path, entry.name)).split(path.sep).join("/"));

const pages = files.filter((file) => file.endsWith("index.html")).map((file) => `/${file.slice(0, -"index.html".length)}`);
const parts = files.filter((file) => /^_next\/static\/.*\.(js|css)$/.test(file) || /latin-wght.*\.woff2$/.test(file)).map((file) => `/${file}`);
const shell = [...pages, ...parts, "/theme.js", "/manifest.webmanifest"].sort();

const hash = createHash("sha256");
for (const file of files.filter((each) => each !== "sw.js" && each !== "csp.json" && !each.endsWith(".gz")).sort()) hash.update(file).update(readFileSync(path.join(out, file)));
const version = hash.digest("hex").slice(0, 16);

const worker = path.join(out, "sw.js");
const stamped = readFileSync(path.join(import.meta.dirname, "..", "public", "sw.js"), "utf8")
  .replace(/^const VERSION = .*$/m, `const VERSION = ${JSON.stringify(version)};`)
  .replace(/^const SHELL = .*$/m, `const SHELL = ${JSON.stringify(shell)};`);
writeFileSync(worker, stamped);
console.log(`version ${version}: ${shell.length} files work offline`);
