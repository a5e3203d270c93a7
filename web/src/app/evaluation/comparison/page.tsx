import type { Metadata } from "next";

import { Comparison } from "@/rooms/evaluation/Comparison";

export const metadata: Metadata = { title: "Comparison" };

export default function Page() {
  return <Comparison />;
}
