/** A page of one thing whose address names none: say so, and show the way to the list. */
import { Compass } from "lucide-react";

import { LinkButton } from "./Button";
import { PageHeader } from "./Card";
import { EmptyState } from "./Moments";

export function Unnamed({ what, list, word }: { what: string; list: string; word: string }) {
  return (
    <>
      <PageHeader title={`Which ${what}?`} />
      <EmptyState icon={Compass} title={`The address names no ${what}`} action={<LinkButton href={list}>{word}</LinkButton>}>Choose one from the list.</EmptyState>
    </>
  );
}
