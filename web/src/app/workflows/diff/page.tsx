import type { Metadata } from "next";

import { RunDiff } from "@/rooms/workflows/RunDiff";

export const metadata: Metadata = { title: "Two runs compared" };

export default function Page() {
  return <RunDiff />;
}
