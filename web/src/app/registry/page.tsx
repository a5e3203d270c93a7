import type { Metadata } from "next";

import { HubPage } from "@/rooms/registry/HubPage";

export const metadata: Metadata = { title: "Hub" };

export default function Page() {
  return <HubPage />;
}
