import type { Metadata } from "next";

import { KitStates } from "./KitStates";

export const metadata: Metadata = { title: "Kit: states and moments", robots: { index: false } };

export default function Page() {
  return <KitStates />;
}
