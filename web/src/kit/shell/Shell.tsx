/** The frame of every page: navigation, top bar, the sheet. Not: what a page shows. */
"use client";

import { Suspense, useEffect } from "react";

import { Toaster } from "../ui/Toast";
import { useKey } from "../api/key";
import { useFeed } from "../live/live";
import { fetchPrefs } from "../prefs/prefs";
import { useLook } from "../prefs/useLook";
import { BottomBar } from "./BottomBar";
import { LiveBanner } from "./LiveDot";
import { Nav } from "./Nav";
import { Overlays } from "./overlays";
import { SignedIn } from "./SignIn";
import { TopBar } from "./TopBar";
import { useGlobalKeys } from "./useGlobalKeys";

export function Shell({ children }: { children: React.ReactNode }) {
  useFeed();
  useLook();
  return (
    <Suspense>
      <SignedIn>
        <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface focus:p-2">Skip to the content</a>
        <div className="flex h-dvh">
          <Nav />
          <div className="flex min-w-0 flex-1 flex-col overflow-hidden border-border bg-surface md:my-2 md:mr-2 md:rounded-sheet md:border">
            <TopBar />
            <LiveBanner />
            <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto px-6 pb-6 outline-none max-md:px-3 max-md:pb-20">{children}</main>
          </div>
        </div>
        <BottomBar />
        <Toaster />
        <Overlays />
        <Person />
      </SignedIn>
    </Suspense>
  );
}

/** What works only with somebody signed in: keys, and their preferences. */
function Person() {
  const key = useKey((state) => state.key);
  useGlobalKeys();
  useEffect(() => { if (key) void fetchPrefs(); }, [key]);
  return null;
}
