/** A link to a place: its code is fetched when a pointer or the focus comes near, so the first page stays small. */
"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import type { ComponentProps } from "react";

export function NavLink({ href, ...rest }: Omit<ComponentProps<typeof Link>, "href"> & { href: string }) {
  const router = useRouter();
  const fetch = () => router.prefetch(href);
  return <Link href={href} prefetch={false} onPointerEnter={fetch} onFocus={fetch} {...rest} />;
}
