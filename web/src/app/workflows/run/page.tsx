import type { Metadata } from "next";

import { RunScreen } from "@/rooms/workflows/run/RunScreen";

export const metadata: Metadata = { title: "Run" };

export default function Page() {
  return <RunScreen />;
}
