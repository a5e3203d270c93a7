/** Charts of the kit with made-up numbers. */
"use client";

import { useState } from "react";

import { Histogram } from "@/kit/charts/Histogram";
import { Interval } from "@/kit/charts/Interval";

export function Intervals() {
  return (
    <div className="space-y-4">
      <Interval effect={0.475} low={0.367} high={0.583} level={0.95} n={120} />
      <Interval effect={0.02} low={-0.09} high={0.13} level={0.95} n={40} />
      <Interval effect={-0.21} low={-0.33} high={-0.09} level={0.95} n={120} compact />
    </div>
  );
}

export function Bars() {
  const [chosen, setChosen] = useState<readonly [number, number] | null>(null);
  const bars = Array.from({ length: 24 }, (_, hour) => ({ label: `${hour}:00`, value: Math.round(40 + 35 * Math.sin(hour / 4)) }));
  return <Histogram label="Turns an hour" bars={bars} selected={chosen} onSelect={(first, last) => setChosen([first, last])} />;
}
