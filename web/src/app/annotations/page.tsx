import type { Metadata } from "next";

import { Queues } from "@/rooms/annotations/Queues";

export const metadata: Metadata = { title: "Annotate" };

export default function Page() {
  return <Queues />;
}
