import type { Metadata } from "next";

import { Experiments } from "@/rooms/experiments/Experiments";

export const metadata: Metadata = { title: "Certificates" };

export default function Page() {
  return <Experiments />;
}
