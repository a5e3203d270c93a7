/** Whether a workflow gets better: the younger half of the days that had runs against the older half. */
interface Day { runs: number; succeeded: number }

/** `recent` is the success of the younger half, `difference` what it gained; null where there is nothing to compare. */
export function change(days: Day[]): { recent: number | null; difference: number | null } {
  const used = days.filter((day) => day.runs > 0);
  const half = Math.ceil(used.length / 2);
  const recent = ratio(used.slice(-half)), before = used.length > 1 ? ratio(used.slice(0, -half)) : null;
  return { recent, difference: recent === null || before === null ? null : recent - before };
}

function ratio(days: Day[]): number | null {
  const runs = days.reduce((sum, day) => sum + day.runs, 0);
  return runs === 0 ? null : days.reduce((sum, day) => sum + day.succeeded, 0) / runs;
}
