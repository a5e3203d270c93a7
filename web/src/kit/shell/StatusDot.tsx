/** Says that something the server depends on is away, and leads to what; nothing where all is well. */
"use client";

import { TriangleAlert } from "lucide-react";

import { useStatus } from "../api/status";
import { NavLink } from "./NavLink";

export function StatusDot() {
  const { data } = useStatus();
  const away = data?.dependencies.filter((each) => each.state === "down").map((each) => each.name) ?? [];
  if (!away.length) return null;
  return (
    <NavLink href="/settings/#status" className="flex items-center gap-1.5 whitespace-nowrap text-attention hover:underline">
      <TriangleAlert aria-hidden size={14} className="shrink-0" /> <span className="max-lg:sr-only">{away.join(", ")} away</span>
    </NavLink>
  );
}
