/** The numbers of a chart, for screen readers and for whoever wants them. */
import { thin } from "./scale";

const MOST_ROWS = 200;

export function CurveTable({ title, over, x, labels, columns, format, height, onKeyDown }: {
  title: string; over: string; x: readonly number[]; labels: readonly string[]; columns: readonly (readonly (number | null)[])[];
  format: (value: number) => string; height: number; onKeyDown: (event: React.KeyboardEvent) => void;
}) {
  const rows = thin(x.map((_, at) => at), MOST_ROWS);
  return (
    <div tabIndex={0} role="group" aria-label={`${title}: table`} onKeyDown={onKeyDown} style={{ height }} className="overflow-auto rounded-key">
      <table className="nums w-full text-xs">
        <caption className="sr-only">{title}{rows.length < x.length ? `, ${rows.length} of ${x.length} rows` : ""}</caption>
        <thead className="sticky top-0 bg-surface text-text-3">
          <tr>{[over, ...labels].map((label) => <th key={label} scope="col" className="py-1 text-right font-normal first:text-left">{label}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((at) => (
            <tr key={at} className="border-t border-border">
              <th scope="row" className="text-left font-normal text-text-3">{x[at]}</th>
              {columns.map((column, which) => <td key={which} className="py-0.5 text-right">{column[at] == null ? "–" : format(column[at])}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
