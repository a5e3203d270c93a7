"""A folder of files: the reference example, content hashes, and every kind of mistake in words."""

import json
from pathlib import Path

import jsonschema
import pytest
from inline_snapshot import snapshot

from camel_ext.core.hashing import content_hash
from camel_ext.verifiers import list_verifiers
from camel_ext.workflows.language import (
    Known,
    LanguageError,
    agents_of,
    canonical,
    definition_hash,
    json_schemas,
    read_bundle,
    read_source,
    render,
    walk,
)

KNOWN = Known(
    tools=frozenset({"python", "shell"}),
    verifiers=frozenset(verifier.name for verifier in list_verifiers()),
)
EXAMPLE = Path(__file__).parents[3] / "examples" / "three-roles"
AGENTS = """
agents:
  writer: {model: small}
  critic:
    model: small
    response_schema: {type: object, properties: {approved: {type: boolean}}}
"""
MODELS = "models: {tiny: {engine: local, file: bundled}}\naliases: {small: tiny}\n"


def example() -> dict[str, str]:
    return {path.name: path.read_text() for path in EXAMPLE.glob("*.yaml")}


def test_the_three_role_loop_is_one_short_file() -> None:
    files = example()
    bundle = read_bundle(files, KNOWN)
    flow = bundle.workflows["solve"]
    assert bundle.warnings == ()
    assert [str(path) for path, _ in walk(flow.steps)] == [
        "rounds", "rounds/propose", "rounds/execute", "rounds/review",
    ]  # fmt: skip
    assert agents_of(flow) == {"proposer", "executor", "reviewer"}
    assert bundle.agents["executor"].tools == ["python", "shell"]
    assert [target.target for target in bundle.aliases["small"]] == ["smollm2"]
    assert len(files["workflows.yaml"].splitlines()) <= 40
    assert all(render(source) == files[name] for name, source in bundle.sources.items())


def test_the_example_fits_the_exported_schemas() -> None:
    for name, text in example().items():
        jsonschema.validate(read_source(name, text).data, json_schemas()[name])


def test_comments_order_and_defaults_make_no_new_version() -> None:
    one = "agents: {a: {model: small, params: {temperature: 1, top_p: 0.5}}}"
    other = """
agents:
  # commented
  a:
    memory: step          # the default, said aloud
    params: {top_p: 0.50, temperature: 1.0}
    model: 'small'
"""
    known = Known(aliases=frozenset({"small"}))
    hashes = {
        definition_hash(read_bundle({"agents.yaml": text}, known).agents["a"])
        for text in (one, other)
    }
    assert len(hashes) == 1
    changed = read_bundle({"agents.yaml": one.replace("0.5", "0.6")}, known).agents["a"]
    assert definition_hash(changed) not in hashes


def test_the_hash_of_the_example_stays_what_it_was() -> None:
    bundle = read_bundle(example(), KNOWN)
    content = {name: definition_hash(entry) for name, entry in bundle.workflows.items()}
    assert content == snapshot(
        {"solve": "sha256:12d269cdf6dfc9517fd44572ac7ad6a42cb855ae7acaa50a44237b66a543ab5f"}
    )


def test_content_keeps_what_changes_meaning_and_hides_where_keys_lie() -> None:
    text = """
models:
  m: {engine: provider, url: "https://x/v1", model: big, api_key_env: KEY}
"""
    one = read_bundle({"models.yaml": text}, Known()).models["m"]
    other = read_bundle({"models.yaml": text.replace("KEY", "OTHER")}, Known()).models["m"]
    assert "KEY" not in json.dumps(canonical(one))
    assert definition_hash(one) == definition_hash(other)
    assert content_hash(canonical(one)) == content_hash(canonical(other))


def test_an_input_with_a_null_default_is_another_than_a_required_one() -> None:
    def hashed(entry: str) -> str:
        text = f"workflows: {{w: {{inputs: {{x: {entry}}}, steps: [{{name: a, agent: b, prompt: x}}]}}}}"
        known = Known(agents={"b": None})
        return definition_hash(read_bundle({"workflows.yaml": text}, known).workflows["w"])

    assert hashed("{}") != hashed("{default: null}")


def problems(**files: str) -> list[str]:
    given = {f"{name}.yaml": text for name, text in files.items()}
    with pytest.raises(LanguageError) as caught:
        read_bundle(given, KNOWN)
    assert caught.value.fields["problems"]
    return [str(problem) for problem in caught.value.problems]


def flow(steps: str, more: str = "") -> str:
    return f"workflows:\n  w:\n    inputs: {{goal: {{}}}}\n    steps:\n{steps}{more}"


def workflow_problems(steps: str, more: str = "") -> list[str]:
    return problems(agents=AGENTS, models=MODELS, workflows=flow(steps, more))


def test_wrong_agents_in_words() -> None:
    text = """
agents:
  Bad Name: {model: small}
  planner:
    models: small
    tools: python
    params: {temperatures: 1, max_tokens: "10", temperature: 3}
    memory: forever
    max_tool_rounds: yes
  writer:
    model: smaller
    tools: [pythons, shell, shell]
    system: |
      You write.
      {{ steps.x.text }} {{ goal }}
  critic:
    model: tiny
    response_schema: {type: objects}
    system: "{{ input.goal"
"""
    assert problems(agents=text, models=MODELS) == snapshot(
        [
            "agents.yaml:3:3: agents.Bad Name: `Bad Name` is not a name: lower-case letters, digits, `-` and `_`, a letter first.",
            "agents.yaml:4:3: agents.planner.model: `model` is missing. Add `model:` (The model alias that answers for it (models.yaml)).",
            "agents.yaml:5:5: agents.planner.models: there is no field `models` here. Did you mean `model`?",
            "agents.yaml:6:12: agents.planner.tools: this must be a list, not the text `python`. Write `[python]`.",
            "agents.yaml:7:14: agents.planner.params.temperatures: there is no field `temperatures` here. Did you mean `temperature`?",
            "agents.yaml:7:43: agents.planner.params.max_tokens: this must be a whole number, not the text `10`. Write it without quotes.",
            "agents.yaml:7:62: agents.planner.params.temperature: this must be less than or equal to 2.",
            "agents.yaml:8:13: agents.planner.memory: `forever` is not possible here. It can be `step` or `run`.",
            "agents.yaml:9:22: agents.planner.max_tool_rounds: this must be a whole number, not the text `yes`.",
            "agents.yaml:11:12: agents.writer.model: there is no model alias `smaller`. Did you mean `small`?",
            "agents.yaml:12:13: agents.writer.tools[0]: there is no tool `pythons`. Did you mean `python`?",
            "agents.yaml:12:29: agents.writer.tools[2]: the tool `shell` stands here twice. Keep one.",
            "agents.yaml:15:1: agents.writer.system: `steps` is not there in a system prompt. It is set once: it sees `input` only.",
            "agents.yaml:15:1: agents.writer.system: `goal` is not defined. A system prompt sees `input` only.",
            "agents.yaml:17:12: agents.critic.model: there is no model alias `tiny`. `tiny` is a model: add `tiny: tiny` to `aliases`.",
            "agents.yaml:18:22: agents.critic.response_schema: not a JSON Schema: type: 'objects' is not valid under any of the given schemas. See json-schema.org, draft 2020-12.",
            "agents.yaml:19:13: agents.critic.system: the template is wrong: unexpected end of template, expected `}}`.",
        ]
    )


def test_wrong_models_in_words() -> None:
    text = """
models:
  a: {engine: locals}
  b: {}
  c: {engine: local}
  d: {engine: provider, url: ftp://x, model: m}
  e: {engine: provider, url: http://x, model: m, api_key_env: A, api_key_file: b}
  f: {engine: local, file: x, sha256: abc, adapters: {good: {file: y}}}
  g: {engine: local, file: x, adapters: {versions: {file: y}}, price: {input_usd: "1"}}
  h: {engine: provider, url: http://x, model: m, headers: {Cookie: s3cret}}
aliases:
  one: gpt
  two: [{target: f/god, weight: 1}, {target: f/good, weight: 0}]
  three: Q!
  four: [{target: f, weight: 1}, {target: f, weight: 2}]
  five: f/god@3
"""
    assert problems(models=text) == snapshot(
        [
            "models.yaml:3:15: models.a.engine: there is no engine `locals`. Did you mean `local`?",
            "models.yaml:4:3: models.b.engine: `engine` is missing. Add `engine: local` (a GGUF file) or `engine: provider` (an address).",
            "models.yaml:5:3: models.c.file: `file` is missing. Add `file:` (GGUF file: `bundled`, a name in the models folder, or a path).",
            "models.yaml:6:30: models.d.url: `ftp://x` does not have the right form. It begins with http:// or https:// and holds no user name or password.",
            "models.yaml:7:6: models.e: both `api_key_env` and `api_key_file` are given; keep one.",
            "models.yaml:8:39: models.f.sha256: `abc` does not have the right form. A sha256 has 64 hexadecimal digits in lower case.",
            "models.yaml:9:41: models.g.adapters: `versions` cannot name an adapter; take another name.",
            "models.yaml:9:83: models.g.price.input_usd: this must be a number, not the text `1`. Write it without quotes.",
            "models.yaml:10:59: models.h.headers: `Cookie` carries a secret, and headers are shown: use `api_key_env` or `api_key_file`.",
            "models.yaml:12:8: aliases.one: there is no model `gpt`. Known models: `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`.",
            "models.yaml:13:62: aliases.two[1].weight: this must be greater than 0.",
            "models.yaml:14:10: aliases.three: `Q!` does not have the right form. Write `model`, `model/adapter`, or either with `@version`.",
            "models.yaml:15:43: aliases.four[1].target: `f` stands here twice. Keep one and give it the whole weight.",
        ]
    )


def test_wrong_steps_in_words() -> None:
    steps = """\
      - {name: call, agent: writer, prompt: x}
      - name: l
        loop: {until: "true"}
        steps: [{name: m, agent: writer, prompt: x}]
      - {name: p, parallel: []}
      - {name: two, agent: writer, tool: shell}
      - {name: q, agnt: writer}
      - just text
      - {agent: writer}
      - {name: b, best_of: {n: 1, score: "1.0"}, steps: []}
"""
    assert workflow_problems(steps, "    budgets: {max_turns: 0}\n    outputs: x\n") == snapshot(
        [
            "workflows.yaml:5:9: workflows.w.steps[0]: `call` is a reserved word and cannot name a step.",
            "workflows.yaml:7:9: workflows.w.steps[1].loop.max_rounds: `max_rounds` is missing. A loop needs a bound: say `max_rounds: 5`, or how many rounds are enough.",
            "workflows.yaml:9:19: workflows.w.steps[2].parallel: `parallel` steps are not in this version. There are `agent`, `tool`, `verify`, `best_of`, `loop`.",
            "workflows.yaml:10:9: workflows.w.steps[3]: a step has one kind, this has `agent` and `tool`. Make it two steps.",
            "workflows.yaml:11:9: workflows.w.steps[4]: this step does not say what it does. Did you mean `agent`?",
            "workflows.yaml:12:9: workflows.w.steps[5]: a step is a mapping, not the text `just text`. Write `- name: draft`, then `agent: writer` and its prompt.",
            "workflows.yaml:13:9: workflows.w.steps[6].name: `name` is missing. Every step needs a name, by which later steps read its result.",
            "workflows.yaml:13:9: workflows.w.steps[6].prompt: `prompt` is missing. Add `prompt:` (What it is told: a Jinja template).",
            "workflows.yaml:14:32: workflows.w.steps[7].best_of.n: this must be greater than or equal to 2.",
            "workflows.yaml:14:57: workflows.w.steps[7].steps: this must have at least 1 entry.",
            "workflows.yaml:15:26: workflows.w.budgets.max_turns: this must be greater than or equal to 1.",
            "workflows.yaml:16:5: workflows.w.outputs: there is no field `outputs` here. Did you mean `output`?",
        ]
    )


def test_wrong_names_and_scopes_in_words() -> None:
    steps = """\
      - name: a
        agent: writr
        prompt: |
          {{ input.gaol }}
          {{ steps.b.text }} {{ rounds }} {{ goal }}
          {{ steps.a.text }} {% for x in %}
      - name: a2
        agent: writer
        prompt: |
          {{ input.gaol }}
          {{ steps.b.text }} {{ rounds }} {{ goal }}
          {{ steps.a2.text }}
      - {name: a, tool: shel, arguments: {x: ["{{ candidate }}"]}}
      - {name: c, verify: exakt}
      - name: l
        loop: {until: "steps.m.passd && steps.o.parsed.approves", max_rounds: 3}
        steps:
          - {name: m, verify: exact}
          - {name: n, verify: regex, params: {pattern: "("}, text: x}
          - {name: o, agent: critic, prompt: "{{ rounds[-1].zz.text }}{{ steps.c.reasn }}"}
          - {name: p, agent: writer, prompt: "{{ steps.o.parsed.text }}"}
          - {name: q, verify: contains, params: {all: ["{{ steps.p.parsed.x }}"]}}
      - name: best
        best_of: {n: 2, score: "steps.v.score + candidates"}
        steps: [{name: v, verify: length, params: {mix: 3}}]
"""
    output = "    output: {a: steps.l.txt, b: 'steps.m.text == ', c: steps.l.last.zz}\n"
    assert workflow_problems(steps, output) == snapshot(
        [
            "workflows.yaml:6:16: workflows.w.steps[0].agent: there is no agent `writr`. Did you mean `writer`?",
            "workflows.yaml:10:1: workflows.w.steps[0].prompt: the template is wrong: Expected an expression, got `%}`.",
            "workflows.yaml:14:1: workflows.w.steps[1].prompt: there is no input `gaol`. Did you mean `goal`?",
            "workflows.yaml:15:1: workflows.w.steps[1].prompt: there is no step `b`. Known steps: `a`.",
            "workflows.yaml:15:1: workflows.w.steps[1].prompt: `rounds` is not there outside a loop. From outside, a loop is read by its name: `steps.<loop>.rounds`.",
            "workflows.yaml:15:1: workflows.w.steps[1].prompt: `goal` is not defined. Write `input.goal`.",
            "workflows.yaml:16:1: workflows.w.steps[1].prompt: the step `a2` cannot be read here: it runs later or inside another. A step sees those above it; use `rounds` for earlier rounds.",
            "workflows.yaml:17:16: workflows.w.steps[2].name: the step name `a` is taken by a step above. Rename one: later steps read it by this name.",
            "workflows.yaml:17:25: workflows.w.steps[2].tool: there is no tool `shel`. Did you mean `shell`?",
            "workflows.yaml:17:47: workflows.w.steps[2].arguments.x[0]: `candidate` is not there outside a best_of. It numbers the candidates inside a `best_of` step.",
            "workflows.yaml:18:27: workflows.w.steps[3].verify: there is no verifier `exakt`. Did you mean `exact`?",
            "workflows.yaml:20:23: workflows.w.steps[4].loop.until: the verify step `m` leaves no `passd`. Did you mean `passed`?",
            "workflows.yaml:20:23: workflows.w.steps[4].loop.until: the answer of the agent `critic` has no field `approves`. Did you mean `approved`?",
            'workflows.yaml:22:13: workflows.w.steps[4].steps[0]: there is no step before this one whose text is checked. Say which text: `text: "{{ input.answer }}"`.',
            "workflows.yaml:22:13: workflows.w.steps[4].steps[0]: The verifier `exact` cannot work so: `expected` is missing. It takes: expected, normalise.",
            "workflows.yaml:23:46: workflows.w.steps[4].steps[1].params: The verifier `regex` cannot work so: `parameters`: not a regular expression: missing ) at position 1. It takes: pattern, flags, whole, absent.",
            "workflows.yaml:24:46: workflows.w.steps[4].steps[2].prompt: there is no step `zz` in it. Known steps: `m`, `n`, `o`, `p`, `q`.",
            "workflows.yaml:24:46: workflows.w.steps[4].steps[2].prompt: the verify step `c` leaves no `reasn`. Did you mean `reason`?",
            "workflows.yaml:25:46: workflows.w.steps[4].steps[3].prompt: the answer of the agent `critic` has no field `text`. Known fields: `approved`.",
            "workflows.yaml:26:56: workflows.w.steps[4].steps[4].params.all[0]: `parsed` of `p` is always null: its agent gives no structured answer. Give the agent `writer` a `response_schema`.",
            "workflows.yaml:28:32: workflows.w.steps[5].best_of.score: `candidates` is not defined. Did you mean `candidate`?",
            'workflows.yaml:29:17: workflows.w.steps[5].steps[0]: there is no step before this one whose text is checked. Say which text: `text: "{{ input.answer }}"`.',
            "workflows.yaml:29:51: workflows.w.steps[5].steps[0].params: The verifier `length` cannot work so: `mix` is not a parameter. It takes: unit, min, max.",
            "workflows.yaml:30:17: workflows.w.output.a: the loop step `l` leaves no `txt`. Did you mean `text`?",
            "workflows.yaml:30:33: workflows.w.output.b: the expression is wrong: not a CEL expression: it ends too early. (at column 17 of it)",
            "workflows.yaml:30:56: workflows.w.output.c: there is no step `zz` in it. Known steps: `m`, `n`, `o`, `p`, `q`.",
        ]
    )


def test_wrong_inputs_in_words() -> None:
    text = """
workflows:
  w:
    inputs:
      n: {type: integer, default: x}
      e: {enum: [a, b], default: c}
      Bad: {}
      t: {type: strings}
    steps: [{name: a, agent: writer, prompt: x}]
  v:
    inputs:
      n: {type: integer, default: x}
      e: {enum: [a, b], default: c}
      i: {type: array, items: {type: 3}}
    steps: [{name: a, agent: writer, prompt: x}]
"""
    assert problems(agents=AGENTS, models=MODELS, workflows=text) == snapshot(
        [
            "workflows.yaml:7:7: workflows.w.inputs.Bad: `Bad` is not an identifier: lower-case letters, digits and `_`, a letter first.",
            "workflows.yaml:8:17: workflows.w.inputs.t.type: `strings` is not possible here. It can be `string`, `integer`, `number`, `boolean`, `array` or `object`.",
            "workflows.yaml:12:35: workflows.v.inputs.n.default: the input `n` has a default that does not fit: 'x' is not of type 'integer'.",
            "workflows.yaml:13:34: workflows.v.inputs.e.default: the input `e` has a default that does not fit: 'c' is not one of ['a', 'b'].",
            "workflows.yaml:14:10: workflows.v.inputs.i: not a JSON Schema: items.type: 3 is not valid under any of the given schemas. See json-schema.org, draft 2020-12.",
        ]
    )


def test_files_that_are_none_of_the_format_in_words() -> None:
    assert problems(
        agents="- a\n", models="models: []", workflows="format: 2\nworkflow: {}"
    ) == snapshot(
        [
            "agents.yaml:1:1: this must be a mapping of fields (`name: ...`), not a list.",
            "models.yaml:1:9: models: this must be a mapping (`name: ...`), not a list.",
            "workflows.yaml:1:9: format: `2` is not possible here. It can be 1.",
            "workflows.yaml:2:1: workflow: there is no field `workflow` here. Did you mean `workflows`?",
        ]
    )
    with pytest.raises(LanguageError) as caught:
        read_bundle({"agent.yaml": "", "agents.yaml": "a: [", "models.yaml": "x: 1\nx: 2"}, KNOWN)
    assert [str(problem) for problem in caught.value.problems] == snapshot(
        [
            "agent.yaml:1:1: this file is not one of the format. Did you mean `agents.yaml`?",
            "agents.yaml:1:5: not valid YAML: expected the node content, but found '<stream end>'. Check brackets, quotes and indentation around this line.",
            "models.yaml:2:1: x: `x` stands here twice, first in line 1. Keep one.",
        ]
    )


def test_an_agent_that_reads_an_input_the_workflow_has_not() -> None:
    agents = AGENTS + "  polite:\n    model: small\n    system: Speak {{ input.tone }}.\n"
    steps = "      - {name: a, agent: polite, prompt: '{{ input.goal }}'}\n"
    assert problems(agents=agents, models=MODELS, workflows=flow(steps)) == snapshot(
        [
            "workflows.yaml:5:26: workflows.w.steps[0].agent: the system prompt of `polite` reads `input.tone`, not an input here. Add `tone` to the inputs."
        ]
    )


def test_an_unused_input_is_a_warning() -> None:
    steps = "      - {name: a, agent: writer, prompt: x}\n"
    files = {"agents.yaml": AGENTS, "models.yaml": MODELS, "workflows.yaml": flow(steps)}
    assert [str(problem) for problem in read_bundle(files, KNOWN).warnings] == snapshot(
        [
            "workflows.yaml:3:14: workflows.w.inputs.goal: the input `goal` is not used by any step. Use `{{ input.goal }}` or remove it."
        ]
    )


def test_what_exists_elsewhere_counts() -> None:
    steps = "      - {name: a, agent: stored, prompt: '{{ input.goal }}'}\n"
    with pytest.raises(LanguageError, match="there is no agent `stored`"):
        read_bundle({"workflows.yaml": flow(steps)}, Known())
    read_bundle({"workflows.yaml": flow(steps)}, Known(agents={"stored": None}))


def test_many_problems_are_counted_and_the_first_are_shown() -> None:
    text = "agents:\n" + "".join(f"  a{n}: {{models: x}}\n" for n in range(60))
    with pytest.raises(LanguageError) as caught:
        read_bundle({"agents.yaml": text}, KNOWN)
    assert len(caught.value.problems) == 120
    assert caught.value.detail.splitlines()[0] == "120 problems were found, so nothing was changed:"
    assert caught.value.detail.splitlines()[-1] == "- and 70 more"
    assert caught.value.code == "workflows.language_error"
