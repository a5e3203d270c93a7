import type { Metadata } from "next";

import { Focus } from "@/rooms/annotations/Focus";

export const metadata: Metadata = { title: "Annotate a queue" };

export default function Page() {
  return <Focus />;
}
