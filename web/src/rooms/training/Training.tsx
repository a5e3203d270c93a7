/** Training: the list of jobs, or one of them where the address names it. */
"use client";

import { useUrl } from "@/kit/url";

import { Job } from "./Job";
import { Trainings } from "./Trainings";

export function Training() {
  const id = useUrl().get("id");
  return id ? <Job key={id} id={id} /> : <Trainings />;
}
