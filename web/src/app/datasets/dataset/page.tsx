import type { Metadata } from "next";

import { Dataset } from "@/rooms/datasets/Dataset";

export const metadata: Metadata = { title: "A dataset" };

export default function Page() {
  return <Dataset />;
}
