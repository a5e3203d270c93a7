import type { Metadata } from "next";

import { Annotations } from "@/rooms/annotations/Annotations";

export const metadata: Metadata = { title: "Annotate" };

export default function Page() {
  return <Annotations />;
}
