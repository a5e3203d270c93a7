/** The live feed for components: `useLive` for events, `useStreams` for text while it is made. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";

import { api, unwrap } from "../api/client";
import { useKey } from "../api/key";
import { Feed, type LiveState } from "./feed";
import { ALWAYS, invalidator, settle } from "./invalidate";
import type { FeedEvent } from "./messages";
import { Streams, type StreamText } from "./streams";

const HIDDEN_MS = 60_000;
const PAINT_MS = 50;

const feed = new Feed({
  open: (url, protocols, on) => {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + url, protocols);
    socket.onmessage = ({ data }) => on.message(String(data));
    socket.onclose = ({ code }) => on.close(code);
    return () => socket.close();
  },
  probe: () => void api.GET("/api/v1/me").catch(() => undefined), // a 401 asks for another key
  random: Math.random,
});

/** Act on events of these topics while mounted. An event may tell what a read has told already: act by id, not by count. */
export function useLive(topics: string[], onEvent: (event: FeedEvent) => void): void {
  const latest = useRef(onEvent);
  useLayoutEffect(() => { latest.current = onEvent; });
  const names = topics.join(",");
  useEffect(() => names ? feed.listen({ topics: names.split(","), onEvent: (event) => latest.current(event) }) : undefined, [names]);
}

/**
 * Follow every text of a thing under a topic, such as `serving.text:RUN_ID`: the streams by their ids, at most 20 news
 * a second. What is being made already is read at once, and again when the line was cut. Null follows nothing.
 */
export function useStreams(topic: string | null): ReadonlyMap<string, StreamText> {
  const [texts, setTexts] = useState<ReadonlyMap<string, StreamText>>(new Map());
  useEffect(() => {
    if (!topic) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const paint = () => { timer ??= setTimeout(() => { timer = undefined; setTexts(new Map([...streams.all].map(([id, { text, start, done }]) => [id, { text, start, done }]))); }, PAINT_MS); };
    const streams = new Streams(snapshot, paint);
    let over = false, before = feed.read().name;
    const look = () => void unwrap(api.GET("/api/v1/events/streams", { params: { query: { subject: topic.slice(topic.indexOf(":") + 1) } } }))
      .then((made) => { if (!over) streams.renew(made); }, () => undefined); // the next frame will tell
    const stops = [
      feed.listen({ topics: [topic], onFrame: (frame) => streams.take(frame) }),
      feed.watch(() => { const { name } = feed.read(); if (name === "back" && before !== "back") look(); before = name; }), // a killed server leaves texts without an end
    ];
    look();
    return () => { over = true; stops.forEach((stop) => stop()); clearTimeout(timer); setTexts(new Map()); };
  }, [topic]);
  return texts;
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(feed.watch, feed.read, () => OFF);
}

/** Try again now. */
export function reconnect(): void {
  feed.retry();
}

const OFF: LiveState = { name: "off" };

/** Run the feed of this page: the shell does this once. */
export function useFeed(): void {
  const key = useKey((state) => state.refused ? null : state.key);
  const client = useQueryClient();
  useEffect(() => { feed.use(key); }, [key]);
  useEffect(() => {
    const old = invalidator(client);
    const stops = [
      feed.listen({ topics: ALWAYS, hears: ["*"], onEvent: old }),
      feed.onReset((first) => first ? settle(client) : void client.invalidateQueries()),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => feed.pause(true), HIDDEN_MS);
      else { feed.pause(false); feed.retry(); }
    };
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", reconnect);
    return () => { clearTimeout(timer); document.removeEventListener("visibilitychange", look); window.removeEventListener("online", reconnect); };
  }, []);
}

async function snapshot(stream: string) {
  const { response, data } = await api.GET("/api/v1/events/streams/{stream_id}", { params: { path: { stream_id: stream } } });
  return response.status === 404 ? null : unwrap(Promise.resolve({ data, response }));
}
