import type { Metadata } from "next";

import { Evaluation } from "@/rooms/evaluation/Evaluation";

export const metadata: Metadata = { title: "Evaluation" };

export default function Page() {
  return <Evaluation />;
}
