/** What may not get worse: before, after, the worst that is credible, and the margin fixed beforehand. */
import { Check, X } from "lucide-react";

import { allowed, changed, measured, type Rail, railName, used } from "@/kit/format/measures";
import { reveal } from "@/kit/text/Untrusted";

const CLOSE = 0.8; // uses more than this share of its margin: "just held"

export function Guardrails({ rails }: { rails: readonly Rail[] }) {
  return (
    <section className="min-w-0">
      <h2 id="guardrails">Guardrails <span className="font-normal text-text-3">may not worsen by more than the margin (Holm)</span></h2>
      {rails.length === 0 ? <p className="mt-2">None was asked for.</p> : (
        <div role="region" aria-labelledby="guardrails" tabIndex={0} className="mt-1 overflow-x-auto">
          <table className="nums w-full text-right">
            <thead className="text-text-3"><tr>{["Measure", "Before", "After", "Worst case", "Margin", ""].map((head) => <th key={head} scope="col" className="py-2 pl-3 font-normal whitespace-nowrap first:pl-0 first:text-left">{head || <span className="sr-only">Held</span>}</th>)}</tr></thead>
            <tbody>
              {rails.map((rail) => (
                <tr key={rail.measure} className="border-t border-border">
                  <th scope="row" className="min-w-24 py-2 text-left font-normal text-text">{capital(reveal(railName(rail)))}</th>
                  <td className="pl-3 whitespace-nowrap">{measured(rail.measure, rail.baseline)}</td>
                  <td className="pl-3 whitespace-nowrap">{measured(rail.measure, rail.candidate)}</td>
                  <td className="pl-3 font-semibold whitespace-nowrap text-text">{changed(rail.measure, rail.worst)}</td>
                  <td className="pl-3 whitespace-nowrap text-text-3">{changed(rail.measure, allowed(rail))}</td>
                  <td className="pl-3 whitespace-nowrap"><Held rail={rail} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Held({ rail }: { rail: Rail }) {
  if (!rail.held) return <span className="inline-flex items-center gap-1 text-failed"><X aria-hidden size={14} /> {rail.broken ? "Broken" : "Not shown"}</span>;
  return <span className="inline-flex items-center gap-1 text-succeeded"><Check aria-hidden size={14} /> {used(rail) > CLOSE ? "Just held" : "Held"}</span>;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
