import type { Metadata } from "next";

import { Certificate } from "@/rooms/experiments/Certificate";

export const metadata: Metadata = { title: "Certificate" };

export default function Page() {
  return <Certificate />;
}
