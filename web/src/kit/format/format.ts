/** How numbers, times and ids are written (UI: Formats). Unknown is an en dash, never 0. */
export const UNKNOWN = "–";
const MINUS = "−";

const exact = new Intl.NumberFormat("en-US");

/** 9,412; 12.8 k; 1.04 M. Exact below 10,000. */
export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  if (Math.abs(value) < 10_000) return exact.format(value);
  const [scaled, unit] = Math.abs(value) < 1e6 ? [value / 1e3, "k"] : Math.abs(value) < 1e9 ? [value / 1e6, "M"] : [value / 1e9, "G"];
  return `${scaled.toPrecision(3)} ${unit}`;
}

/** Every digit, for results and tooltips. */
export function digits(value: number | null | undefined): string {
  return value == null ? UNKNOWN : exact.format(value);
}

/** 0.4; 12.0; 1,841: how many of something a minute, one below another. */
export function rate(value: number | null | undefined): string {
  return value == null ? UNKNOWN : value < 1000 ? value.toFixed(1) : count(Math.round(value));
}

/** 0.74 -> "74 %". */
export function percent(ratio: number | null | undefined, places = 0): string {
  return ratio == null ? UNKNOWN : `${(ratio * 100).toFixed(places)} %`;
}

/** 0.475 -> "+47.5", with a true minus sign: differences of ratios are points. */
export function points(ratio: number | null | undefined, places = 1): string {
  if (ratio == null) return UNKNOWN;
  const value = (Math.abs(ratio) * 100).toFixed(places);
  return `${ratio < 0 ? MINUS : "+"}${value}`;
}

/** 2 ms; 0.94 s; 4 m 12 s; 3 h 05 m. At most two units. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return UNKNOWN;
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [big, small, names] =
    whole < 3600 ? [Math.floor(whole / 60), whole % 60, ["m", "s"]]
    : whole < 86_400 ? [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), ["h", "m"]]
    : [Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3600), ["d", "h"]];
  return `${big} ${names[0]} ${String(small).padStart(2, "0")} ${names[1]}`;
}

// made once: a formatter takes 0.1 ms to make, and a table of turns asks for two a row
const toSecond = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const toMinute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** 14:32:06 today, 21 Nov 14:30 otherwise; the user's zone. */
export function clockTime(iso: string | null | undefined, now: Date = new Date()): string {
  if (!iso) return UNKNOWN;
  const at = new Date(iso);
  if (at.getDate() === now.getDate() && Math.abs(at.getTime() - now.getTime()) < 86_400_000) return toSecond.format(at);
  const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${dayAndMonth.format(at)}${year} ${toMinute.format(at)}`;
}

/** "3 min ago" */
export function ago(iso: string | null | undefined, now: Date = new Date()): string {
  if (!iso) return UNKNOWN;
  const seconds = (now.getTime() - new Date(iso).getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return clockTime(iso, now);
}

/** Micro-dollars -> $0.0041; four decimals below a cent. */
export function cost(usdMicros: number | null | undefined): string {
  if (usdMicros == null) return UNKNOWN;
  const usd = usdMicros / 1e6;
  return usd !== 0 && Math.abs(usd) < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** in + out */
export function tokens(input: number | null | undefined, output: number | null | undefined): string {
  return input == null && output == null ? UNKNOWN : `${count(input)} + ${count(output)}`;
}

/** 5e1f…c07a; copy gives the whole. */
export function shortId(id: string | null | undefined): string {
  if (!id) return UNKNOWN;
  return id.length <= 12 ? id : `${id.slice(0, 4)}…${id.slice(-4)}`;
}
