import type { Metadata } from "next";

import { Suite } from "@/rooms/evaluation/Suite";

export const metadata: Metadata = { title: "Suite" };

export default function Page() {
  return <Suite />;
}
