import type { Metadata } from "next";

import { Evaluations } from "@/rooms/evaluation/Evaluations";

export const metadata: Metadata = { title: "Evaluation" };

export default function Page() {
  return <Evaluations />;
}
