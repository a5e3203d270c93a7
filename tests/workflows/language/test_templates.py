"""Prompts: what they give, what they refuse in which words, and that none runs away."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from camel_ext.workflows.language.templates import (
    TemplateWrong,
    compile_template,
    render_template,
    render_value,
)

CONTEXT: dict[str, Any] = {
    "input": {"goal": "G", "n": 3, "items": ["a", "b"], "none": None, "ok": True},
    "steps": {"review": {"text": "T", "parsed": {"a": 1}}},
    "rounds": [{"do": {"text": "first"}}, {"do": {"text": "second"}}],
    "round": 2,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{ input.goal }}", "Hi G"),
        ("{{ input.items }} {{ steps.review.parsed }}", '["a", "b"] {"a": 1}'),
        ("{{ input.ok }} {{ input.none }}.", "true ."),
        ("{% for r in rounds %}{{ loop.index }}:{{ r.do.text }} {% endfor %}", "1:first 2:second "),
        ("{% if rounds %}{{ rounds[-1].do.text }}{% endif %}", "second"),
        ("{% if round > 1 %}\nagain\n{% endif %}\nend", "again\nend"),
        ("{{ input.items|map('upper')|join(', ') }}", "A, B"),
        ("{{ rounds|map(attribute='do.text')|list }}", '["first", "second"]'),
        ("{{ input.missing|default('d') }}", "d"),
        ("{% set x = input.n + 1 %}{{ x ~ '!' }}", "4!"),
        ("{% for k, v in steps.items() %}{{ k }}{% endfor %}", "review"),
        ("{{ input.items }}{% for k in input.items %}{{ k.upper() }}{% endfor %}", '["a", "b"]AB'),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ input.goal is defined }} {{ 'a' in input.items }}", "true true"),
        (
            "{{ 2.567|round(1) }} {{ 'x\ny'|indent(2) }} {{ 'a-b'|replace('-', '+') }}",
            "2.6 x\n  y a+b",
        ),
    ],
)
def test_templates_give(template: str, text: str) -> None:
    assert render_template(template, CONTEXT) == text


def test_a_lone_expression_keeps_its_type_and_others_become_text() -> None:
    value = {"n": "{{ input.n }}", "l": ["{{ input.items }}", "n={{ input.n }}"], "k": 7}
    assert render_value(value, CONTEXT) == {"n": 3, "l": [["a", "b"], "n=3"], "k": 7}


WRONG = [
    "{{ input.goal",
    "line\nof {{ input.gaol }}",
    "{{ inputs.goal }}",
    "{{ rounds[5].do }}",
    "{{ steps.review.txt }}",
    "{{ input.goal.text }}",
    "{{ input.none.text }}",
    "{{ input.__class__ }}",
    "{{ input['__class__'] }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ input.goal.format(1) }}",
    "{{ ['a']|map(attribute='__class__')|list }}",
    "{{ input.goal|attr('__class__') }}",
    "{{ self }}",
    "{{ lipsum() }}",
    "{{ cycler.__init__ }}",
    "{% macro f() %}{% endmacro %}",
    "{% include '/etc/passwd' %}",
    "{% set ns = namespace(a=1) %}",
    "{% for x in [1] recursive %}{% endfor %}",
    "{% for input in [1] %}{% endfor %}",
    "{{ input.goal|upcase }}",
    "{{ 1 / 0 }}",
    "{{ 'a' + 1 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 9 }}",
    "{% for x in input.none %}{% endfor %}",
    "{{ input.get }}",
    "{{ range }}",
    "{{ '\\ud800' }}",
    "{% if %}",
]


def test_wrong_templates_say_what_is_wrong() -> None:
    assert {template: complaint(template) for template in WRONG} == snapshot(
        {
            "{{ input.goal": "1: unexpected end of template, expected `}}`.",
            """\
line
of {{ input.gaol }}\
""": "2: there is no `gaol` here. Did you mean `goal`?",
            "{{ inputs.goal }}": "1: `inputs` is not defined here.",
            "{{ rounds[5].do }}": "1: there is no entry [5]: the list has 2.",
            "{{ steps.review.txt }}": "1: there is no `txt` here. Did you mean `text`?",
            "{{ input.goal.text }}": "1: `text` was asked of a text, which has no such field.",
            "{{ input.none.text }}": "1: `text` was asked of null, which has no such field.",
            "{{ input.__class__ }}": "1: `__class__` is not allowed: fields do not begin with an underscore.",
            "{{ input['__class__'] }}": "1: there is no `__class__` here. Known fields: `goal`, `items`, `n`, `none`, `ok`.",
            "{{ ''.__class__.__mro__ }}": "1: `__mro__` is not allowed: fields do not begin with an underscore.",
            "{{ input.goal.format(1) }}": "1: there is no method `format`. Known methods: `capitalize`, `endswith`, `get`, `items`, `keys`, `lower`, `lstrip`, `rstrip`, `split`, `splitlines`, `startswith`, `strip` and 3 more.",
            "{{ ['a']|map(attribute='__class__')|list }}": "1: `__class__` was asked of a text, which has no such field.",
            "{{ input.goal|attr('__class__') }}": "1: there is no filter `attr`. Known filters: `abs`, `capitalize`, `count`, `d`, `default`, `dictsort`, `first`, `float`, `indent`, `int`, `items`, `join` and 24 more.",
            "{{ self }}": "1: `self` is not defined here.",
            "{{ lipsum() }}": "1: only range() and methods of texts and mappings can be called.",
            "{{ cycler.__init__ }}": "1: `__init__` is not allowed: fields do not begin with an underscore.",
            "{% macro f() %}{% endmacro %}": "1: `{% macro %}` is not allowed in a prompt; there are if, for, set and filters.",
            "{% include '/etc/passwd' %}": "1: `{% include %}` is not allowed in a prompt; there are if, for, set and filters.",
            "{% set ns = namespace(a=1) %}": "1: only range() and methods of texts and mappings can be called.",
            "{% for x in [1] recursive %}{% endfor %}": "1: a recursive loop is not allowed in a prompt.",
            "{% for input in [1] %}{% endfor %}": "1: `input` cannot be given another meaning; choose another name.",
            "{{ input.goal|upcase }}": "1: there is no filter `upcase`. Known filters: `abs`, `capitalize`, `count`, `d`, `default`, `dictsort`, `first`, `float`, `indent`, `int`, `items`, `join` and 24 more.",
            "{{ 1 / 0 }}": "1: this cannot be computed: division by zero.",
            "{{ 'a' + 1 }}": '1: this cannot be computed: can only concatenate str (not "int") to str.',
            "{{ 'a' * 1000000000 }}": "1: `*` is for numbers only.",
            "{{ 9 ** 9 }}": "1: `**` is not allowed in a prompt; there are if, for, set and filters.",
            "{% for x in input.none %}{% endfor %}": "1: null cannot be looped over; give it a default: `x or []`.",
            "{{ input.get }}": "1: there is no `get` here. Known fields: `goal`, `items`, `n`, `none`, `ok`.",
            "{{ range }}": "1: a function cannot stand in a text.",
            "{{ '\\ud800' }}": "1: the text holds half a character (a lone surrogate).",
            "{% if %}": "1: Expected an expression, got `%}`.",
        }
    )


def complaint(template: str) -> str:
    with pytest.raises(TemplateWrong) as caught:
        render_template(template, CONTEXT)
    return f"{caught.value.line}: {caught.value}"


BIG = {"input": {"t": "x" * 900_000, "l": list(range(90_000))}, "rounds": list(range(1_000))}
HOSTILE = {
    "loops": "{% for a in rounds %}{% for b in rounds %}{% for c in rounds %}x{% endfor %}"
    "{% endfor %}{% endfor %}",
    "text grows": "{% set x = 'aaaa' %}" + "{% set x = x ~ x %}" * 60,
    "text adds": "{% set x = 'aaaa' %}" + "{% set x = x + x %}" * 60,
    "lists double": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "numbers grow": "{% set x = 7 %}" + "{% set x = x * x %}" * 60,
    "lists kept": "{% set x = input.l %}" + "{% set y = [x] %}" * 3_000,
    "replace": "{{ input.t|replace('', input.t) }}",
    "join": "{{ rounds|join(input.t) }}",
    "output": "{% for r in rounds %}{{ input.t }}{% endfor %}",
    "earns work": "{% for r in rounds %}{{ [[1]]|map('_each', -999999)|map('list')|list }}"
    "{% for s in rounds %}{% for t in rounds %}x{% endfor %}{% endfor %}{% endfor %}",
    "sums lists": "{{ [input.l]|sum }}",
    "range": "{% for r in range(10000000000) %}{% endfor %}",
    "brackets": "{{ " + "(" * 3_000 + " }}",
    "lists": "{{ " + "[" * 400 + "]" * 400 + " }}",
    "minus": "{{ " + "-" * 3_000 + "1 }}",
    "length": "x" * 70_000,
    "digits": "{{ " + "9" * 5_000 + " }}",
}


SLOW_STEPS = {
    "compares": "{% for r in rounds %}{% if 'zz' in input.t %}{% endif %}{% endfor %}",
    "copies": "{% for r in rounds %}{{ input.t.upper()[:1] }}{% endfor %}",
}


@pytest.mark.parametrize("name", SLOW_STEPS)
def test_loops_over_large_texts_end_soon_one_way_or_the_other(name: str) -> None:
    began = time.thread_time()
    with suppress(TemplateWrong):
        render_template(SLOW_STEPS[name], BIG)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_templates_end_soon(name: str) -> None:
    began = time.thread_time()
    with pytest.raises(TemplateWrong):
        render_template(HOSTILE[name], BIG)
    assert time.thread_time() - began < 5  # of CPU; about 1 s at worst


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["{{", "}}", "{%", "%}", " input", ".goal", "|", "upper", " for x in ",
                                 "rounds", " if ", " endfor ", "[", "]", "(", ")", "'", "~", "+", "1",
                                 " set x=", "{#", "#}", "\n", "-"]), max_size=14))  # fmt: skip
def test_any_template_is_text_or_a_template_error(parts: list[str]) -> None:
    try:
        assert isinstance(render_template("".join(parts), CONTEXT), str)
    except TemplateWrong:
        return


def test_references_are_found_where_they_stand() -> None:
    found = compile_template(
        "{{ input.a }}\n{% for r in rounds %}{{ r.x }}{% endfor %}{{ steps.s.text.upper() }}"
        "{{ rounds[-1]['do'].text|default('') }}{{ input.l[steps.t.parsed] }}{{ other.x }}"
    ).references
    assert [(r.chain, r.line, r.optional) for r in found] == [
        (("input", "a"), 1, False),
        (("rounds",), 2, False),
        (("steps", "s", "text"), 2, False),
        (("rounds", None, "do", "text"), 2, True),
        (("input", "l", None), 2, False),
        (("steps", "t", "parsed"), 2, False),
        (("other", "x"), 2, False),
    ]
