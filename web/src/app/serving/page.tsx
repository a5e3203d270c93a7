import type { Metadata } from "next";

import { PlaygroundPage } from "@/rooms/serving/PlaygroundPage";

export const metadata: Metadata = { title: "Playground" };

export default function Page() {
  return <PlaygroundPage />;
}
