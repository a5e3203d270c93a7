import type { Metadata } from "next";

import { TurnPage } from "@/rooms/interactions/TurnPage";

export const metadata: Metadata = { title: "Turn" };

export default function Page() {
  return <TurnPage />;
}
