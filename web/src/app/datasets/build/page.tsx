import type { Metadata } from "next";

import { Build } from "@/rooms/datasets/Build";

export const metadata: Metadata = { title: "Build a dataset" };

export default function Page() {
  return <Build />;
}
