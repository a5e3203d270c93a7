/** The map of the house: what the navigation shows, what the palette finds, what `g` + letter opens. */
import {
  BadgeCheck, Bell, Boxes, Database, Dumbbell, FileCode, House, type LucideIcon, MessagesSquare, PenLine, Play, Scale, ScrollText, Settings,
} from "lucide-react";

export interface Place { label: string; path: string; icon: LucideIcon; go: string; group: "" | "you" | "Act" | "Learn" | "Prove" | "Keep" | "bottom"; question: string }

export const PLACES: Place[] = [
  { label: "Home", path: "/", icon: House, go: "h", group: "", question: "What runs, what waits for me, are we getting better?" },
  { label: "Runs", path: "/workflows/", icon: Play, go: "r", group: "Act", question: "What did the agents do, and why?" },
  { label: "Logs", path: "/interactions/", icon: ScrollText, go: "l", group: "Act", question: "Which of all turns matter?" },
  { label: "Annotate", path: "/annotations/", icon: PenLine, go: "a", group: "Learn", question: "Which answer is right?" },
  { label: "Datasets", path: "/datasets/", icon: Database, go: "d", group: "Learn", question: "What will the model learn from?" },
  { label: "Training", path: "/training/", icon: Dumbbell, go: "t", group: "Learn", question: "Is it learning the right thing?" },
  { label: "Evaluation", path: "/evaluation/", icon: Scale, go: "e", group: "Prove", question: "Is it better, case by case?" },
  { label: "Certificates", path: "/experiments/", icon: BadgeCheck, go: "c", group: "Prove", question: "May I promote it?" },
  { label: "Hub", path: "/registry/", icon: Boxes, go: "m", group: "Keep", question: "What answers today, and where did it come from?" },
  { label: "Playground", path: "/serving/", icon: MessagesSquare, go: "p", group: "Keep", question: "What would version X say?" },
  { label: "Configuration", path: "/configuration/", icon: FileCode, go: "y", group: "Keep", question: "How are agents and workflows set up?" },
  { label: "Inbox", path: "/notifications/", icon: Bell, go: "i", group: "you", question: "What happened that I should know?" },
  { label: "Settings", path: "/settings/", icon: Settings, go: "s", group: "bottom", question: "Keys, look, keyboard." },
];

/** The place that a path belongs to: the longest one that it begins with. */
export function placeOf(path: string): Place | undefined {
  return PLACES.filter((place) => (place.path === "/" ? path === "/" : path.startsWith(place.path))).sort((a, b) => b.path.length - a.path.length)[0];
}
