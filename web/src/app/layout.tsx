import "./globals.css";

import type { Metadata, Viewport } from "next";

import { Providers } from "@/kit/shell/Providers";
import { Shell } from "@/kit/shell/Shell";

export const metadata: Metadata = { title: { default: "CAMEL Extensions", template: "%s · CAMEL Extensions" }, description: "Teams of agents that measurably improve, on your own hardware.", icons: { icon: "/icon.svg", apple: "/icons/apple-180.png" } };
export const viewport: Viewport = { width: "device-width", initialScale: 1, themeColor: [{ media: "(prefers-color-scheme: light)", color: "#f6f4f1" }, { media: "(prefers-color-scheme: dark)", color: "#0d0c0a" }] };

export default function Layout({ children }: { children: React.ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      {/* eslint-disable-next-line @next/next/no-sync-scripts -- must run before the first paint */}
      <head><script src="/theme.js" /></head>
      <body><Providers><Shell>{children}</Shell></Providers></body>
    </html>
  );
}
