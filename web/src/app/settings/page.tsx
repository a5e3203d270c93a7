import type { Metadata } from "next";

import { Settings } from "@/rooms/settings/Settings";

export const metadata: Metadata = { title: "Settings" };

export default function Page() {
  return <Settings />;
}
