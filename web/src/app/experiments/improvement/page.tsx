import type { Metadata } from "next";

import { Improvement } from "@/rooms/experiments/Improvement";

export const metadata: Metadata = { title: "Improvement" };

export default function Page() {
  return <Improvement />;
}
