/** The file a first improvement begins with, and the agents a workflow names. */

/** Return the agents that a workflow's steps name, each once, in the order of the steps. */
export function agentsOf(content: unknown): string[] {
  const names: string[] = [];
  const walk = (value: unknown) => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null) {
      const { agent } = value as { agent?: unknown };
      if (typeof agent === "string") names.push(agent);
      Object.values(value).forEach(walk);
    }
  };
  walk((content as { steps?: unknown } | undefined)?.steps);
  return [...new Set(names)];
}

export const TEMPLATE = `goals:                      # to learn from, by topic
  weather: [What makes it rain?, Why is the sky blue?]
heldout:                    # the examination: other topics, each goal once
  rivers: [What is a river?, Where do rivers begin?]
scorers:                    # how an answer is checked; the first that gate names must get better
  brief: {verify: length, params: {unit: words, max: 15}}
  relevant: {verify: relevance, per_goal: {to: goal}}
sample: {count: 5, temperature: 0.9}
pairs: {min_margin: 0.1, min_chosen_score: 0.9}
train: {preset: quick}
gate:
  primary: brief
  level: 0.05
  guardrails: [{measure: relevant, margin: 0.15}]
promote: {when: better, approval: person}
`;
