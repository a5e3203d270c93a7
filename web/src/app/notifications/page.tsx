import type { Metadata } from "next";

import { Inbox } from "@/rooms/notifications/Inbox";

export const metadata: Metadata = { title: "Inbox" };

export default function Page() {
  return <Inbox />;
}
