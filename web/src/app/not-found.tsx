"use client";

import { Compass } from "lucide-react";

import { LinkButton } from "@/kit/ui/Button";
import { EmptyState } from "@/kit/ui/Moments";

export default function NotFound() {
  return <EmptyState icon={Compass} title="There is no such page" action={<LinkButton href="/">Home</LinkButton>}>The address may be of another version, or mistyped.</EmptyState>;
}
