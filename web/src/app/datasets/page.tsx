import type { Metadata } from "next";

import { Datasets } from "@/rooms/datasets/Datasets";

export const metadata: Metadata = { title: "Datasets" };

export default function Page() {
  return <Datasets />;
}
