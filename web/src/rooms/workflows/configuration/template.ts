/** What a first configuration may begin with: a team of three that works until its reviewer is content. */
import type { Files } from "./queries";

export const TEMPLATE: Files = {
  "agents.yaml": `agents:
  proposer:
    model: small
    system: You plan. You propose exactly one concrete next step.
  executor:
    model: small
    system: You carry out the plan, and answer briefly.
  reviewer:
    model: small
    system: You approve only a result that reaches the goal.
    params: {temperature: 0, max_tokens: 200}
    response_schema:
      type: object
      properties:
        approved: {type: boolean}
        comment: {type: string, maxLength: 300}
      required: [approved, comment]
`,
  "workflows.yaml": `workflows:
  proposer_executor_review:
    description: Propose, do, review, at most three times.
    inputs:
      goal: {type: string, description: What is to be achieved.}
    steps:
      - name: rounds
        loop:
          until: steps.review.parsed.approved
          max_rounds: 3
        steps:
          - name: propose
            agent: proposer
            prompt: |
              Goal: {{ input.goal }}
              {% if rounds %}The reviewer said: {{ rounds[-1].review.text }}{% endif %}
              Propose the next step in one sentence.
          - name: execute
            agent: executor
            prompt: |
              Goal: {{ input.goal }}
              Plan: {{ steps.propose.text }}
          - name: review
            agent: reviewer
            prompt: |
              Goal: {{ input.goal }}
              Result: {{ steps.execute.text }}
              Does the result reach the goal?
    output: steps.rounds.last.execute.text
    budgets: {max_turns: 12, max_seconds: 600}
`,
  "models.yaml": `models:
  smollm2:
    engine: local
    file: bundled
    context_tokens: 8192

aliases:
  small: smollm2
`,
};
