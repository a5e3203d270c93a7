import type { Metadata } from "next";

import { ConfigurationScreen } from "@/rooms/workflows/configuration/ConfigurationScreen";

export const metadata: Metadata = { title: "Configuration" };

export default function Page() {
  return <ConfigurationScreen />;
}
