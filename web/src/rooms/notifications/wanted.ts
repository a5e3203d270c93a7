/** What the forms of a rule and of a channel say, as the API takes it; and a rule's pace in words. */
import type { ChannelCreate, ChannelShown, RuleChange, RuleShown } from "@/kit/api/schema";

export interface Filled {
  name: string;
  types: string[];
  condition: string;
  channel: string;
  digest: RuleChange["digest"];
  dailyAt: string;
  quiet: boolean;
  quietFrom: string;
  quietUntil: string;
  zone: string;
  throttleMin: string;
  enabled: boolean;
}

/** The body of a rule: the inbox takes no pace, as nothing of it is held back. */
export function readRule(filled: Filled): RuleChange {
  const base = {
    name: filled.name, event_types: filled.types, condition: filled.condition.trim() || null, timezone: filled.zone, enabled: filled.enabled,
    channel: null, digest: "immediate" as const, daily_at: "08:00", quiet_from: null, quiet_until: null, throttle_s: 0,
  };
  if (!filled.channel) return base;
  const minutes = Number(filled.throttleMin);
  return {
    ...base, channel: filled.channel, digest: filled.digest, daily_at: filled.dailyAt,
    quiet_from: filled.quiet ? filled.quietFrom : null, quiet_until: filled.quiet ? filled.quietUntil : null,
    throttle_s: Number.isFinite(minutes) && minutes > 0 ? Math.round(minutes * 60) : 0,
  };
}

/** The form of a rule that is there; quiet hours it has not are offered as a new rule's are. */
export function filledFrom(rule: RuleShown): Filled {
  return {
    name: rule.name, types: rule.event_types, condition: rule.condition ?? "", channel: rule.channel ?? "", digest: rule.digest, dailyAt: rule.daily_at,
    quiet: rule.quiet_from !== null, quietFrom: rule.quiet_from ?? "22:00", quietUntil: rule.quiet_until ?? "07:00", zone: rule.timezone,
    throttleMin: rule.throttle_s > 0 ? String(rule.throttle_s / 60) : "", enabled: rule.enabled,
  };
}

/** A rule as it is, to be saved with a change. */
export function bodyOf({ name, event_types, condition, channel, digest, daily_at, quiet_from, quiet_until, timezone, throttle_s, enabled }: RuleShown): RuleChange {
  return { name, event_types, condition, channel, digest, daily_at, quiet_from, quiet_until, timezone, throttle_s, enabled };
}

/** The config of a channel; of mailboxes one a line, or with commas. */
export function readChannel(kind: string, where: string): ChannelCreate["config"] {
  const said = where.trim();
  if (kind === "email") return { kind: "email", to: said.split(/[\s,;]+/).filter(Boolean) };
  if (kind === "apprise") return { kind: "apprise", url_env: said };
  return { kind: "webhook", url: said };
}

/** Where a channel sends, as its form has it; empty where the server keeps the rest of the URL to itself. */
export function whereOf({ kind, target }: Pick<ChannelShown, "kind" | "target">): string {
  if (kind === "apprise") return target.replace(/^\$/, "");
  return kind === "webhook" && target.endsWith("/…") ? "" : target;
}

/** "at once", "daily at 08:00, never from 22:00 to 07:00 (Europe/Berlin)" */
export function pace(rule: Pick<RuleShown, "digest" | "daily_at" | "quiet_from" | "quiet_until" | "timezone" | "throttle_s">): string {
  const parts = [{ immediate: "at once", hourly: "gathered each hour", daily: `gathered daily at ${rule.daily_at}` }[rule.digest]];
  if (rule.throttle_s > 0) parts.push(`at most every ${span(rule.throttle_s)}`);
  if (rule.quiet_from) parts.push(`never from ${rule.quiet_from} to ${rule.quiet_until}`);
  return parts.join(", ") + (rule.quiet_from || rule.digest === "daily" ? ` (${rule.timezone})` : "");
}

function span(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? "hour" : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "minute" : `${seconds / 60} minutes`;
  return `${seconds} seconds`;
}
