import type { Metadata } from "next";

import { Runs } from "@/rooms/workflows/Runs";

export const metadata: Metadata = { title: "Runs" };

export default function Page() {
  return <Runs />;
}
