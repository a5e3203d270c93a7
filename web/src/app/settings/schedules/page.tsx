import type { Metadata } from "next";

import { Schedules } from "@/rooms/scheduling/Schedules";

export const metadata: Metadata = { title: "Schedules" };

export default function Page() {
  return <Schedules />;
}
