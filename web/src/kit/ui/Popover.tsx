/** A button with a small sheet under it. The sheet's code comes with the first press: it is 20 KB that no page needs to stand. */
"use client";

import dynamic from "next/dynamic";
import { type ReactNode, type RefObject, useRef } from "react";

const PopoverSheet = dynamic(() => import("./PopoverSheet").then((module) => module.PopoverSheet), { ssr: false });

/** What the button has to take: `<Button {...asked}>`. */
interface Asked {
  ref: RefObject<HTMLButtonElement | null>;
  "aria-haspopup": "dialog";
  "aria-expanded": boolean;
  onClick: () => void;
}

interface PopoverProps {
  label: string;
  open: boolean;
  onOpen: (open: boolean) => void;
  button: (asked: Asked) => ReactNode;
  /** Its width, its padding. */
  className: string;
  children: ReactNode;
}

export function Popover({ label, open, onOpen, button, className, children }: PopoverProps) {
  const anchor = useRef<HTMLButtonElement>(null);
  return (
    <>
      {button({ ref: anchor, "aria-haspopup": "dialog", "aria-expanded": open, onClick: () => onOpen(!open) })}
      {open && <PopoverSheet anchor={anchor} label={label} onClose={() => onOpen(false)} className={className}>{children}</PopoverSheet>}
    </>
  );
}
