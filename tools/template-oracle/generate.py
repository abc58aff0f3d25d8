#!/usr/bin/env python3
"""Writes the expectations of tests/golden/templates with the reference implementation of the language.

Usage: pip install jinja2==3.1.6 && python3 generate.py

The environment is the one that Hugging Face renders chat templates in: sandboxed, trim_blocks and lstrip_blocks on,
break and continue, {% generation %}, its tojson, raise_exception and strftime_now. The clock stands still.

  expressions.jsonl  one line for each line of snippets.txt (\\n and \\\\ are escapes there): template, and output or error
  expected.jsonl     each template on each conversation, with and without tools and the generation prompt
"""
import json
import pathlib
from datetime import datetime

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / "../../tests/golden/templates"

# What a template is given besides, each in turn, where the generation prompt is asked for.
VARIABLES = {
    "thinking": [{}, {"enable_thinking": False}],
    "budgets": [{}] + [{"thinking_budget": budget} for budget in (0, 512, 700, 16384, 100000)],
}


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def render(source, context):
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime(2024, 7, 6, 15, 4, 5).strftime(form)
    try:
        return {"output": environment.from_string(source).render(**context)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def write(name, lines):
    with open(GOLDEN / name, "w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")


def unescape(line):
    return line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


data = json.loads((GOLDEN / "conversations.json").read_text(encoding="utf-8"))
context = {
    "messages": [
        {"role": "system", "content": "Hello sys"},
        {"role": "user", "content": "Hi <|im_start|>"},
        {"role": "assistant", "content": " ok "},
    ],
    "matrix": [[1, 2], [3, 4]],
    "tools": data["tools"],
    "add_generation_prompt": True,
    "bos_token": "<s>",
}
snippets = [unescape(line) for line in (HERE / "snippets.txt").read_text(encoding="utf-8").splitlines()]
write("expressions.jsonl", [{"context": context}] + [{"template": s, **render(s, context)} for s in snippets])

expected = []
for template in sorted(GOLDEN.glob("*.jinja")):
    source = template.read_text(encoding="utf-8")
    for name, messages in data["conversations"].items():
        for tools in (False, True):
            for prompt in (False, True):
                for variables in VARIABLES.get(template.stem, [{}]) if prompt else [{}]:
                    case = {"template": template.name, "conversation": name, "tools": tools, "prompt": prompt, "variables": variables}
                    given = {
                        "messages": messages, "tools": data["tools"] if tools else None, "documents": None,
                        "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>", **variables}
                    expected.append({**case, **render(source, given)})
write("expected.jsonl", expected)
print(len(snippets), "snippets,", len(expected), "renderings,", sum("error" in e for e in expected), "of them refused")
