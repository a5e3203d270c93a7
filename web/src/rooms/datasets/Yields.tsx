/** From all that was judged down to the pairs: what each rule leaves. */
import { digits } from "@/kit/format/format";

import { yieldsOf } from "./pair";

export function Yields({ found, pairs }: { found: Parameters<typeof yieldsOf>[0] & { looked_at?: number; judged?: number; prompts?: number; prompts_alone?: number; prompts_tied?: number }; pairs: number }) {
  const rows = yieldsOf(found, pairs);
  const most = Math.max(1, rows[0]!.left);
  return (
    <div className="space-y-3">
      <table className="w-full">
        <thead className="text-left text-xs text-text-3"><tr><th className="pb-1 font-normal">Rule</th><th className="pb-1 text-right font-normal">drops</th><th className="pb-1 pl-3 font-normal" colSpan={2}>leaves</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <td className="py-0.5 pr-2 text-text">{row.word}</td>
              <td className="nums text-right text-text-3">{row.dropped ? `−${digits(row.dropped)}` : ""}</td>
              <td aria-hidden className="w-2/5 pl-3"><span className="block h-2 rounded-full bg-sunken"><span className="block h-full rounded-full bg-cat-1" style={{ width: `${(row.left / most) * 100}%` }} /></span></td>
              <td className="nums w-16 text-right font-[550] text-text">{digits(row.left)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.looked_at !== undefined && <p className="nums text-text-3">{digits(found.looked_at)} answers looked at, {digits(found.judged)} judged, to {digits(found.prompts)} prompts; {digits(found.prompts_alone)} prompts have one judged answer, {digits(found.prompts_tied)} only ties.</p>}
    </div>
  );
}
