import type { Metadata } from "next";

import { LogsPage } from "@/rooms/interactions/LogsPage";

export const metadata: Metadata = { title: "Logs" };

export default function Page() {
  return <LogsPage />;
}
