// The app without a network: its pages, and what this key has seen last, marked with the time it was seen.
// Never: another key's data, a write, a stream, an export. scripts/stamp.mjs fills in the two lines below.
const VERSION = "unstamped";
const SHELL = [];

const SHELL_CACHE = `shell-${VERSION}`;
const SEEN_AT = "x-seen-at";
const MOST_SEEN = 300;
const MOST_BYTES = 1_000_000;
const UNSEEN = /^\/api\/v1\/(events|sign-|interactions\/export|dataset-versions\/[^/]+\/export)/; // streams, files

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL_CACHE).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("shell-") && name !== SHELL_CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/_next/static/")) event.respondWith(unchanging(request));
  else if (request.mode === "navigate" || ["/theme.js", "/manifest.webmanifest"].includes(url.pathname)) event.respondWith(page(request, url));
  else if (url.pathname.startsWith("/api/v1/") && !UNSEEN.test(url.pathname) && request.headers.has("authorization")) event.respondWith(data(request));
});

/** The name is of the content: what is here is right. */
async function unchanging(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(SHELL_CACHE)).put(request, answer.clone());
  return answer;
}

/** The server's page; without a server the one of the last version that was here. */
async function page(request, url) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(url.pathname, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

/** The server's answer; without a server what this very key saw last. */
async function data(request) {
  const cache = await caches.open(`seen-${await fingerprint(request.headers.get("authorization"))}`);
  let answer;
  try {
    answer = await fetch(request);
  } catch (error) {
    const kept = await cache.match(request.url);
    if (kept) return kept;
    throw error;
  }
  if (answer.ok && keepable(answer)) await remember(cache, request.url, answer.clone());
  return answer;
}

function keepable(answer) {
  const type = answer.headers.get("content-type") ?? "";
  return type.startsWith("application/json") && !/no-store/.test(answer.headers.get("cache-control") ?? "");
}

async function remember(cache, url, answer) {
  const body = await answer.blob();
  if (body.size > MOST_BYTES) return;
  const headers = new Headers(answer.headers);
  headers.set(SEEN_AT, new Date().toISOString());
  headers.delete("content-encoding"); // the body is unpacked by now
  headers.delete("content-length");
  await cache.delete(url); // so that the order of the cache is the order of seeing
  await cache.put(url, new Response(body, { status: answer.status, headers }));
  const all = await cache.keys();
  for (const old of all.slice(0, Math.max(0, all.length - MOST_SEEN))) await cache.delete(old);
}

async function fingerprint(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
